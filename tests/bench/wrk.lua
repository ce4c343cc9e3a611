-- The requests of one wrk thread, made once and sent in turn: one for each token. Which method and body: from the
-- environment. The same bytes go to the server and to the limit server.
local requests = {}
local next_request = 0

function init()
  local method = os.getenv("BENCH_METHOD")
  local body = os.getenv("BENCH_BODY")
  local headers = { ["Host"] = "127.0.0.1" }
  if body then headers["Content-Type"] = "application/json" end
  for token in io.lines(os.getenv("BENCH_TOKENS")) do
    headers["Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format(method, os.getenv("BENCH_PATH"), headers, body)
  end
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

-- Requests of many people for many paths. From the environment: BENCH_METHOD, BENCH_PATHS and BENCH_TOKENS (files with one
-- a line), BENCH_BODY, and BENCH_ORDER:
--   together: request i is path i with token i, each list from its beginning again when it has ended
--   product: every path with every token, each pair once; thread n of two has the n-th half, from BENCH_OFFSET on, and
--   goes on with its last one
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local heads, tails, product, at, last = {}, {}, false, 0, 0

function init()
  local body = os.getenv("BENCH_BODY")
  product = os.getenv("BENCH_ORDER") == "product"
  for path in io.lines(os.getenv("BENCH_PATHS")) do
    heads[#heads + 1] = os.getenv("BENCH_METHOD") .. " " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
  end
  for token in io.lines(os.getenv("BENCH_TOKENS")) do
    local more = body and "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
    tails[#tails + 1] = token .. (more or "\r\nContent-Length: 0\r\n\r\n")
  end
  if product then
    local half = math.floor(#heads * #tails / 2)
    at = number * half + tonumber(os.getenv("BENCH_OFFSET"))
    last = number == 0 and half or #heads * #tails
  else
    at = number * math.floor(math.max(#heads, #tails) / 2)
  end
end

function request()
  local head = heads[at % #heads + 1]
  local tail = tails[(product and math.floor(at / #heads) or at) % #tails + 1]
  if not product or at + 1 < last then at = at + 1 end
  return head .. tail
end

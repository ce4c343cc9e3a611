#include "http/api/multipart.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::http;

namespace {

const form_limits limits{.parts_max = 2, .part_header_bytes_max = 128};
const std::string disposition = "Content-Disposition: form-data; name=a";

std::string refusal(const std::string& body) {
  const auto parts = parse_form(body, "XX", limits);
  REQUIRE_FALSE(parts);
  CHECK(parts.error().code == error_code::malformed_request);
  return parts.error().message;
}

}  // namespace

TEST_CASE("the parts of a form are views into it", "[api][multipart]") {
  const std::string body =
      "preamble\r\n--XX \t\r\nCONTENT-disposition: form-data; name=\"a \\\"b\\\"\"\r\n\r\none\r\n--X two\r\n"
      "--XX\r\nX-Other: 1\r\nContent-Disposition: form-data; name=f; filename=\"x\"\r\n\r\n\r\n--XX--\r\nepilogue";
  const auto parts = parse_form(body, "XX", limits);
  REQUIRE(parts);
  REQUIRE(parts->size() == 2);
  CHECK(parts->at(0).name == "a \"b\"");
  CHECK(parts->at(0).content == "one\r\n--X two");
  CHECK_FALSE(parts->at(0).is_file);
  CHECK(parts->at(1).name == "f");
  CHECK(parts->at(1).content.empty());
  CHECK(parts->at(1).is_file);
}

TEST_CASE("an empty form has no parts, and an empty part no content", "[api][multipart]") {
  CHECK(parse_form("--XX--", "XX", limits)->empty());
  const auto parts = parse_form("--XX\r\n" + disposition + "\r\n\r\n--XX--", "XX", limits);
  REQUIRE(parts);
  CHECK(parts->at(0).content.empty());
}

TEST_CASE("forms that readers could understand differently are refused", "[api][multipart]") {
  refusal("");
  refusal("--X");
  refusal("--XX");
  refusal("--XX\n" + disposition + "\n\nx\n--XX--");
  refusal("--XXY\r\n" + disposition + "\r\n\r\nx\r\n--XX--");
  refusal("--XX\r\n" + disposition);
  refusal("--XX\r\n" + disposition + "\r\n\r\nx");
  refusal("--XX\r\n" + disposition + "\r\n\r\nx\r\n--XX");
  refusal("--XX\r\n" + disposition + "\r\n\r\nx\r\n--XX-");
  refusal("--XX\r\n\r\nx\r\n--XX--");
  refusal("--XX\r\n" + disposition + "\r\n" + disposition + "\r\n\r\nx\r\n--XX--");
  refusal("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--XX--");
  refusal("--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--");
  refusal("--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--XX--");
  refusal("--XX\r\n" + disposition + "\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--XX--");
  refusal("--XX\r\nno colon\r\n" + disposition + "\r\n\r\nx\r\n--XX--");
}

TEST_CASE("parts and their headers are limited", "[api][multipart]") {
  const auto form = [](int count, std::size_t header_bytes) {
    std::string body;
    const std::string filler = "\r\nX: ";
    for (int i = 0; i < count; ++i) {
      body += "--XX\r\n" + disposition;
      if (header_bytes > 0) body += filler + std::string(header_bytes - disposition.size() - 3, 'x');
      body += "\r\n\r\nx\r\n";
    }
    return body + "--XX--";
  };
  CHECK(parse_form(form(2, 0), "XX", limits));
  CHECK(refusal(form(3, 0)).find("more than 2") != std::string::npos);
  CHECK(parse_form(form(1, 128), "XX", limits));
  CHECK(refusal(form(1, 129)).find("longer than 128") != std::string::npos);
}

#include "actors/base/wake_batch.hpp"
#include "tests/support/catch.hpp"

using namespace social;

namespace {

class place final : public wakeable {
 public:
  explicit place(int& count) : count_(count) {}
  void wake() override { ++count_; }

 private:
  int& count_;
};

}  // namespace

TEST_CASE("wake batch: what is owed is done once, at the end of the outermost") {
  int woken = 0;
  const auto somewhere = std::make_shared<place>(woken);
  CHECK_FALSE(wake_batch::holds());
  {
    const wake_batch outer;
    CHECK(wake_batch::holds());
    {
      const wake_batch inner;
      wake_batch::owe(somewhere);
      wake_batch::owe(somewhere);
    }
    CHECK(wake_batch::holds());
    CHECK(woken == 0);
  }
  CHECK(woken == 1);
  CHECK_FALSE(wake_batch::holds());
  {
    const wake_batch nothing_owed;
  }
  CHECK(woken == 1);
}

TEST_CASE("wake batch: the place that is owed lives until it is woken, and another one ends the wait") {
  int first = 0;
  int second = 0;
  std::weak_ptr<wakeable> seen;
  {
    const wake_batch together;
    {
      const auto gone = std::make_shared<place>(first);
      seen = gone;
      wake_batch::owe(gone);
    }
    CHECK_FALSE(seen.expired());
    wake_batch::owe(std::make_shared<place>(second));
    CHECK(first == 1);
    CHECK(seen.expired());
    CHECK(second == 0);
  }
  CHECK(second == 1);
}

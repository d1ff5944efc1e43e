// The test program: doctest's own, ending with a line "N passed, M failed" or
// "N passed, M failed, K skipped" that counts test cases.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <iostream>

#include "tests/support/data.h"

namespace {

struct Counts {
  int passed = 0;
  int failed = 0;
  int skipped = 0;
};
Counts counts;
bool has_run = false;  // false if only asked for help or a list

struct Counter : doctest::IReporter {
  explicit Counter(const doctest::ContextOptions&) {}

  void test_run_start() override { has_run = true; }
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    const bool skipped = ohm::test::TakeSkipped();
    if (!stats.testCaseSuccess) {
      ++counts.failed;
    } else if (skipped) {
      ++counts.skipped;
    } else {
      ++counts.passed;
    }
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

DOCTEST_REGISTER_LISTENER("counter", 1, Counter);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int result = context.run();
  if (!has_run) return result;

  std::cout.flush();
  std::printf("%d passed, %d failed", counts.passed, counts.failed);
  if (counts.skipped > 0) std::printf(", %d skipped", counts.skipped);
  std::printf("\n");
  // No test at all is a mistake in a filter, not a success.
  const int run = counts.passed + counts.failed + counts.skipped;
  return run == 0 && result == 0 ? 1 : result;
}

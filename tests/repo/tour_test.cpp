// docs/tour.md names only what is there.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

TEST_CASE("every file and folder that docs/tour.md names exists") {
  namespace fs = std::filesystem;
  const fs::path root = OHM_SOURCE_DIR;
  std::ostringstream text;
  text << std::ifstream(root / "docs/tour.md").rdbuf();
  const std::string tour = text.str();

  // `folder/file`, but not a pattern or a generated folder ("build/").
  const std::regex name(R"(`([.\w]+(/[\w.]+)+)`)");
  int names = 0;
  for (std::sregex_iterator it(tour.begin(), tour.end(), name), end; it != end;
       ++it) {
    CHECK_MESSAGE(fs::exists(root / it->str(1)), it->str(1), " is not there");
    ++names;
  }
  CHECK(names > 30);
}

#include "train/plot.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <regex>
#include <vector>

#include "tests/train/scratch_folder.h"

namespace ohm::train {
namespace {

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) {
    ++count;
  }
  return count;
}

// "" for a document whose tags are balanced and whose text is escaped, else
// what is wrong.
std::string Malformed(const std::string& xml) {
  static const std::regex tag(R"(<(/?)(\w+)( [\w-]+="[^"<]*")*(/?)>)");
  static const std::regex entity("&(amp|lt|gt|quot);");
  std::vector<std::string> open;
  std::string text;  // without tags
  auto end = xml.cbegin();
  for (std::sregex_iterator it(xml.begin(), xml.end(), tag), none; it != none;
       ++it) {
    text.append(end, (*it)[0].first);
    end = (*it)[0].second;
    if ((*it)[1].length() > 0) {
      if (open.empty() || open.back() != it->str(2)) return it->str(0);
      open.pop_back();
    } else if ((*it)[4].length() == 0) {
      open.push_back(it->str(2));
    }
  }
  text.append(end, xml.cend());
  if (!open.empty()) return "open: " + open.back();
  const std::string rest = std::regex_replace(text, entity, "");
  const size_t bad = rest.find_first_of("<>&");
  return bad == std::string::npos ? "" : rest.substr(bad);
}

Plot Lines() {
  return {.title = "a plot",
          .x = {.title = "ADC [bits]"},
          .y = {.title = "top-1 [%]"},
          .series = {{.name = "64 rows",
                      .x = {4, 5, 6, 7},
                      .y = {20, 80, 91, 91.5},
                      .error = {2, 1, NAN, 0.5},
                      .pale = true},
                     {.name = "128 rows", .x = {4, 5}, .y = {10, 60}}}};
}

Plot Bars() {
  return {.x = {.title = "crossbar"},
          .y = {.title = "top-1 [%]"},
          .categories = {"one", "two", "a very long name of a crossbar"},
          .series = {{.name = "calibrated", .y = {90, NAN, 80}, .pale = true},
                     {.name = "trained", .y = {91, 92, 85}}}};
}

// `svg` without what the legend repeats.
size_t Points(const std::string& svg) { return Count(svg, "class=\"point\""); }

}  // namespace

TEST_CASE("plot: lines, points, error bars and titles are all there") {
  const std::string svg = ToSvg(Lines());
  CHECK(Malformed(svg) == "");
  CHECK(Points(svg) == 6 + 2);  // and one per line in the legend
  CHECK(Count(svg, "class=\"error\"") == 3);
  CHECK(Count(svg, "stroke-dasharray") == 2);
  for (const char* text : {"a plot", "ADC [bits]", "top-1 [%]", "64 rows",
                           "128 rows", ">4<", ">7<", ">0<", ">100<"}) {
    CAPTURE(text);
    CHECK(Contains(svg, text));
  }
  CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
}

TEST_CASE("plot: bars in groups, from zero") {
  const std::string svg = ToSvg(Bars());
  CHECK(Malformed(svg) == "");
  CHECK(Points(svg) == 5);
  CHECK(Contains(svg, ">0<"));
  CHECK(Contains(svg, "a very long name"));
  CHECK(Contains(svg, "rotate(30"));  // they would overlap
}

TEST_CASE("plot: the same plot gives the same bytes, also in a file") {
  const ScratchFolder scratch;
  CHECK(ToSvg(Lines()) == ToSvg(Lines()));
  WriteSvg(scratch / "a.svg", Bars());
  CHECK(ReadFile(scratch / "a.svg") == ToSvg(Bars()));
  CHECK(Contains(MessageOf([&] { WriteSvg(scratch / "no/a.svg", Bars()); }),
                 "no/a.svg"));
}

TEST_CASE("plot: any text is escaped") {
  Plot plot = Lines();
  const std::string wild = "<b> & \"quoted\" 'x' \x01\n größer ]]> &lt;";
  plot.title = plot.x.title = plot.y.title = plot.series[0].name = wild;
  CHECK(Malformed(ToSvg(plot)) == "");
  CHECK(Contains(ToSvg(plot), "&lt;b&gt; &amp; &quot;quoted&quot; 'x'    "));
  plot = Bars();
  plot.categories[0] = wild;
  CHECK(Malformed(ToSvg(plot)) == "");
  CHECK(Malformed("<a><b></a>") != "");
  CHECK(Malformed("<a>&</a>") != "");
}

TEST_CASE("plot: points that are not finite are left out and part the line") {
  Plot plot{.series = {{.x = {1, 2, NAN, 4, 5}, .y = {1, 2, 3, INFINITY, 5}}}};
  const std::string svg = ToSvg(plot);
  CHECK(Malformed(svg) == "");
  CHECK(Points(svg) == 3);
  CHECK(Count(svg, "L") == 1);  // 1 to 2; 5 stands alone
  CHECK(!Contains(svg, "nan"));
  CHECK(!Contains(svg, "inf"));
}

TEST_CASE("plot: what cannot be drawn is refused in one sentence") {
  const auto says = [](const Plot& plot) {
    return MessageOf([&] { ToSvg(plot); });
  };
  CHECK(Contains(says({}), "at least one point of finite numbers, got none"));
  CHECK(Contains(says({.series = {{.name = "s"}}}),
                 "series 's': expected at least one point, got 0"));
  CHECK(Contains(says({.series = {{.x = {1, 2}, .y = {1}}}}),
                 "expected 2 values of y, got 1"));
  CHECK(Contains(says({.series = {{.x = {1}, .y = {1}, .error = {1, 2}}}}),
                 "error bars"));
  CHECK(Contains(says({.categories = {"a"}, .series = {{.y = {1, 2}}}}),
                 "expected 1 values of y, got 2"));
  CHECK(Contains(says({.series = {{.x = {NAN}, .y = {1}}}}), "got none"));
  CHECK(Contains(says({.x = {.log = true}, .series = {{.x = {0}, .y = {1}}}}),
                 "above 0"));
  CHECK(Contains(says({.y = {.log = true}, .series = {{.x = {1}, .y = {-1}}}}),
                 "above 0"));
}

TEST_CASE("plot: ticks are round, ascend and cover the range") {
  struct Row {
    double low, high;
    bool log;
  };
  for (const Row& row : std::vector<Row>{{4, 9, false},
                                         {10.2, 91.7, false},
                                         {-3, 3e-4, false},
                                         {0.1, 0.7, false},
                                         {1e18, 1e18 + 4096, false},
                                         {5, 5, false},
                                         {0, 0, false},
                                         {-1e-320, 1e-320, false},
                                         {32, 256, true},
                                         {1, 1, true},
                                         {0.2, 7e5, true},
                                         {1e-300, 1e300, true}}) {
    CAPTURE(row.low);
    CAPTURE(row.high);
    const auto ticks = PlotTicks(row.low, row.high, row.log);
    CHECK(ticks.size() >= 2);
    CHECK(ticks.size() <= 14);
    const double slack = 1e-12 * (ticks.back() - ticks.front());
    CHECK(ticks.front() <= row.low + slack);
    CHECK(ticks.back() >= row.high - slack);
    for (size_t i = 1; i < ticks.size(); ++i) CHECK(ticks[i] > ticks[i - 1]);
  }
  CHECK(PlotTicks(4, 9, false) == std::vector<double>{4, 5, 6, 7, 8, 9});
  CHECK(PlotTicks(10.2, 91.7, false) ==
        std::vector<double>{0, 20, 40, 60, 80, 100});
  CHECK(PlotTicks(32, 256, true) == std::vector<double>{20, 50, 100, 200, 500});
  CHECK_THROWS_AS(PlotTicks(0, 1, true), Error);
  CHECK_THROWS_AS(PlotTicks(1, 0, false), Error);
  CHECK_THROWS_AS(PlotTicks(0, INFINITY, false), Error);
}

TEST_CASE("plot: a logarithmic axis cuts error bars that reach zero") {
  const Plot plot{.x = {.log = true},
                  .y = {.log = true},
                  .series = {{.x = {1, 1000}, .y = {1, 100}, .error = {2, 5}}}};
  const std::string svg = ToSvg(plot);
  CHECK(Malformed(svg) == "");
  CHECK(Count(svg, "class=\"error\"") == 2);
  CHECK(!Contains(svg, "nan"));
}

}  // namespace ohm::train

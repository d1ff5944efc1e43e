#include "train/plot.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iterator>
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

// Between "$name << END" and "END".
std::string Block(const std::string& script, const std::string& name) {
  const std::string begin = "$" + name + " << END\n";
  const size_t at = script.find(begin);
  if (at == std::string::npos) return "none";
  const size_t from = at + begin.size();
  return script.substr(from, script.find("END\n", from) - from);
}

// Of one of gnuplot's symbols, in the lines and in the legend.
ptrdiff_t Points(const std::string& svg, const std::string& symbol) {
  const std::regex point("<use xlink:href='#" + symbol + "'[^>]*='rgb");
  return std::distance(std::sregex_iterator(svg.begin(), svg.end(), point), {});
}

// What gnuplot makes of it; "" where it makes nothing.
std::string Drawn(const Plot& plot) {
  const ScratchFolder scratch;
  return WritePlot(scratch / "a.svg", plot) ? ReadFile(scratch / "a.svg") : "";
}

}  // namespace

TEST_CASE("plot: lines, points, error bars and titles are all there") {
  const std::string script = PlotScript(Lines(), "a.svg");
  CHECK(script.starts_with("# gnuplot a.gp > a.svg\n"));
  CHECK(Block(script, "series0") == "4 20\n5 80\n6 91\n7 91.5\n");
  CHECK(Block(script, "errors0") == "4 20 2\n5 80 1\n7 91.5 0.5\n");
  CHECK(Block(script, "series1") == "4 10\n5 60\n");
  CHECK(Block(script, "errors1") == "none");
  const std::string svg = Drawn(Lines());
  CHECK(Points(svg, "gpPt5") == 4 + 1);  // hollow; one in the legend
  CHECK(Points(svg, "gpPt6") == 2 + 1);
  CHECK(Count(svg, "stroke-dasharray") == 1);
  for (const char* text : {"a plot", "ADC [bits]", "top-1 [%]", "64 rows",
                           "128 rows", " 4<", " 7<", " 20<", " 90<"}) {
    CAPTURE(text);
    CHECK(Contains(svg, text));
  }
}

TEST_CASE("plot: bars in groups, from zero") {
  const std::string script = PlotScript(Bars(), "a.svg");
  // Two bars of a category share 0.8 of its room.
  CHECK(Block(script, "series0") == "-0.2 90\nNaN NaN\n1.8 80\n");
  CHECK(Block(script, "series1") == "0.2 91\n1.2 92\n2.2 85\n");
  CHECK(Contains(script, "set boxwidth 0.4\n"));
  const std::string svg = Drawn(Bars());
  CHECK(Contains(svg, " 0<"));
  CHECK(Contains(svg, "a very long name"));
  CHECK(Contains(svg, "rotate(30"));  // they would overlap
  Plot few = Bars();
  few.categories[2] = "three";
  CHECK(!Contains(Drawn(few), "rotate(30"));
}

TEST_CASE("plot: the same plot gives the same bytes, script and picture") {
  const ScratchFolder scratch;
  CHECK(WritePlot(scratch / "a.svg", Lines()));
  CHECK(ReadFile(scratch / "a.gp") == PlotScript(Lines(), "a.svg"));
  CHECK(ReadFile(scratch / "a.svg") == Drawn(Lines()));
  CHECK(WritePlot(scratch / "a.svg", Bars()));
  CHECK(ReadFile(scratch / "a.svg") == Drawn(Bars()));
  CHECK(Contains(MessageOf([&] { WritePlot(scratch / "no/a.svg", Bars()); }),
                 "no/a.gp"));
}

TEST_CASE("plot: without gnuplot the script stays and nothing else is lost") {
  const ScratchFolder scratch;
  REQUIRE(WritePlot(scratch / "a.svg", Lines()));
  const std::string before = ReadFile(scratch / "a.svg");
  const std::string path = std::getenv("PATH");
  setenv("PATH", scratch.path().c_str(), 1);
  const bool drawn = WritePlot(scratch / "a.svg", Bars());
  setenv("PATH", path.c_str(), 1);
  CHECK(!drawn);
  CHECK(ReadFile(scratch / "a.gp") == PlotScript(Bars(), "a.svg"));
  CHECK(ReadFile(scratch / "a.svg") == before);
  CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()),
                      {}) == 2);
}

TEST_CASE("plot: any text is itself") {
  const std::string wild =
      "<b> & \"quoted\" 'x' \x01\n größer `ls` $a @b {c}_d ^e \\n %f";
  Plot plot = Lines();
  plot.title = plot.x.title = plot.y.title = plot.series[0].name = wild;
  const std::string shown =
      "&lt;b> &amp; \"quoted\" 'x'    größer `ls` $a @b {c}_d ^e \\n %f";
  CHECK(Count(Drawn(plot), shown) == 4);
  plot = Bars();
  plot.categories[0] = "hw.adc_range=tile & 'x' 5 %, %f `ls` <c>";
  CHECK(Contains(Drawn(plot),
                 ">hw.adc_range=tile &amp; 'x' 5 %, %f `ls` &lt;c><"));
}

TEST_CASE("plot: points that are not finite are left out and part the line") {
  const Plot plot{
      .series = {{.x = {1, 2, NAN, 4, 5}, .y = {1, 2, 3, INFINITY, 5}}}};
  CHECK(Block(PlotScript(plot, "a.svg"), "series0") ==
        "1 1\n2 2\nNaN NaN\nNaN NaN\n5 5\n");
  CHECK(Points(Drawn(plot), "gpPt6") == 3);
}

TEST_CASE("plot: what cannot be drawn is refused in one sentence") {
  const auto says = [](const Plot& plot) {
    return MessageOf([&] { PlotScript(plot, "a.svg"); });
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

TEST_CASE("plot: logarithmic axes, with error bars that reach zero") {
  const Plot plot{.x = {.log = true},
                  .y = {.log = true},
                  .series = {{.x = {1, 1000}, .y = {1, 100}, .error = {2, 5}}}};
  const std::string svg = Drawn(plot);
  CHECK(Contains(svg, " 1000<"));
  CHECK(!Contains(svg, "nan"));
}

TEST_CASE("plot: few points, and more series than colours") {
  CHECK(Drawn({.series = {{.x = {5}, .y = {0}}}}) != "");
  Plot plot;
  for (int s = 0; s < 9; ++s) {
    plot.series.push_back({.x = {1, 2}, .y = {double(s), 1}});
  }
  const std::string script = PlotScript(plot, "a.svg");
  CHECK(Count(script, "#0072b2") == 2);
  CHECK(Count(script, "pointtype 5") == 2);  // squares
  CHECK(Drawn(plot) != "");
}

}  // namespace ohm::train

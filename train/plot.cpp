#include "train/plot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "core/base/check.h"
#include "core/base/file.h"

namespace ohm::train {
namespace {

// Colours of Okabe and Ito (2008), without their yellow: too light on white.
constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                   "#e69f00", "#56b4e9", "#000000"};
constexpr size_t kColorCount = std::size(kColors);

// In pixels.
constexpr size_t kWidth = 660, kHeight = 480;  // without the legend
constexpr size_t kCharacter = 8;  // at most, on average, at the font's size
constexpr const char* kNext = ", \\\n     ";  // before each further element
constexpr const char* kAxisColor = "linecolor '#444444'";
constexpr double kBarShare = 0.8;  // of a category's room

// Between single quotes gnuplot reads every character as itself.
std::string Quote(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20;
    quoted += c == '\'' ? "''" : std::string(1, control ? ' ' : c);
  }
  return quoted + "'";
}

// A tic's label is a format for its number as well.
std::string QuoteTic(const std::string& text) {
  std::string doubled;
  for (const char c : text) doubled += c == '%' ? "%%" : std::string(1, c);
  return Quote(doubled);
}

bool Bars(const Plot& plot) { return !plot.categories.empty(); }

void CheckSeries(const Plot& plot, const PlotSeries& series) {
  const std::string what = "[plot] series '" + series.name + "': expected ";
  const size_t points = series.y.size();
  OHM_CHECK(points > 0, what + "at least one point, got 0");
  const size_t places = Bars(plot) ? plot.categories.size() : series.x.size();
  OHM_CHECK(places == points,
            what + fmt::format("{} values of y, got {}", places, points));
  OHM_CHECK(series.error.empty() || series.error.size() == points,
            what + "as many error bars as points, or none");
}

void CheckOnAxis(const PlotAxis& axis, double value) {
  OHM_CHECK(!axis.log || value > 0,
            fmt::format("[plot] expected values above 0 on a logarithmic axis, "
                        "got {}",
                        value));
}

// Bars of one category stand side by side around its number.
double PlaceOf(const Plot& plot, size_t series, size_t point) {
  if (!Bars(plot)) return plot.series[series].x[point];
  const double count = double(plot.series.size());
  return double(point) + kBarShare * ((double(series) + 0.5) / count - 0.5);
}

// The points of one series as two data blocks: $seriesN, where NaN parts the
// line, and $errorsN with those that have an error bar.
struct Blocks {
  std::string points, errors;
  bool empty = true;  // nothing to draw
};

Blocks BlocksOf(const Plot& plot, size_t s) {
  const PlotSeries& series = plot.series[s];
  CheckSeries(plot, series);
  Blocks blocks;
  for (size_t i = 0; i < series.y.size(); ++i) {
    const double x = PlaceOf(plot, s, i), y = series.y[i];
    if (!std::isfinite(x) || !std::isfinite(y)) {
      blocks.points += "NaN NaN\n";
      continue;
    }
    CheckOnAxis(plot.x, x);
    CheckOnAxis(plot.y, y);
    blocks.empty = false;
    blocks.points += fmt::format("{:.10g} {:.10g}\n", x, y);
    const double error = series.error.empty() ? 0 : series.error[i];
    if (!std::isfinite(error) || error == 0) continue;
    blocks.errors +=
        fmt::format("{:.10g} {:.10g} {:.10g}\n", x, y, std::abs(error));
  }
  return blocks;
}

size_t ColorIndex(const Plot& plot, size_t s) {
  const int color = plot.series[s].color;
  return color < 0 ? s : size_t(color);
}

// How a series looks, in the plot and in the legend.
std::string StyleOf(const Plot& plot, size_t s, const std::string& color) {
  const bool pale = plot.series[s].pale;
  if (Bars(plot)) {
    return fmt::format("boxes {} fillstyle solid {}", color, pale ? 0.4 : 1.0);
  }
  const int circle = 7, square = 5;  // filled; one less: hollow
  const int point =
      ColorIndex(plot, s) / kColorCount % 2 == 0 ? circle : square;
  return fmt::format(
      "linespoints {} linewidth 2 dashtype {} pointtype {} pointsize 0.8",
      color, pale ? 2 : 1, point - (pale ? 1 : 0));
}

// What one series adds to the command "plot". Error bars lie over bars and
// under points.
std::string ElementsOf(const Plot& plot, size_t s, bool errors) {
  const std::string& name = plot.series[s].name;
  const std::string color =
      fmt::format("linecolor '{}'", kColors[ColorIndex(plot, s) % kColorCount]);
  const std::string points =
      fmt::format("$series{} with {} {}", s, StyleOf(plot, s, color),
                  name.empty() ? "notitle" : "title " + Quote(name));
  if (!errors) return points;
  const std::string bars =
      fmt::format("$errors{} with yerrorbars {} pointtype 0 notitle", s,
                  Bars(plot) ? kAxisColor : color);
  return Bars(plot) ? points + kNext + bars : bars + kNext + points;
}

std::string AxesOf(const Plot& plot) {
  std::string text;
  if (!plot.title.empty()) text += "set title " + Quote(plot.title) + "\n";
  text += "set xlabel " + Quote(plot.x.title) + "\n";
  text += "set ylabel " + Quote(plot.y.title) + "\n";
  if (plot.x.log) text += "set logscale x\n";
  if (plot.y.log) text += "set logscale y\n";
  if (!Bars(plot)) return text + "set offsets graph 0.03, graph 0.03, 0, 0\n";

  if (!plot.y.log) text += "set yrange [*<0:0<*]\n";
  const size_t count = plot.categories.size();
  size_t longest = 0;
  std::vector<std::string> tics;
  for (size_t c = 0; c < count; ++c) {
    longest = std::max(longest, plot.categories[c].size());
    tics.push_back(QuoteTic(plot.categories[c]) + fmt::format(" {}", c));
  }
  const bool slanted = longest * kCharacter > kWidth / count;
  text += fmt::format("set xtics ({}){}\n", fmt::join(tics, ", "),
                      slanted ? " rotate by -30" : "");
  text += fmt::format("set xrange [-0.5:{}]\n", double(count) - 0.5);
  text += fmt::format("set boxwidth {:.10g}\n",
                      kBarShare / double(plot.series.size()));
  return text;
}

// gnuplot on `script` with its output in `svg`; what failed, or "".
std::string RunGnuplot(const std::filesystem::path& script,
                       const std::filesystem::path& svg) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, svg.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY,
                                   0);
  // -d: without the person's own settings.
  std::string name = "gnuplot", defaults = "-d", file = script.string();
  char* const words[] = {name.data(), defaults.data(), file.data(), nullptr};
  pid_t child = 0;
  const int failed =
      posix_spawnp(&child, name.c_str(), &files, nullptr, words, environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return std::strerror(failed);
  int status = 0;
  if (waitpid(child, &status, 0) != child) return "it was lost";
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  return fmt::format("it ended with status {}", status);
}

}  // namespace

std::string PlotScript(const Plot& plot, const std::string& svg) {
  std::string data, elements;
  size_t legend = 0;
  bool any = false;
  for (size_t s = 0; s < plot.series.size(); ++s) {
    const Blocks blocks = BlocksOf(plot, s);
    const bool errors = !blocks.errors.empty();
    any |= !blocks.empty;
    legend = std::max(legend, plot.series[s].name.size());
    data += fmt::format("$series{} << END\n{}END\n", s, blocks.points);
    if (errors) {
      data += fmt::format("$errors{} << END\n{}END\n", s, blocks.errors);
    }
    elements += (s == 0 ? "plot " : kNext) + ElementsOf(plot, s, errors);
  }
  OHM_CHECK(any,
            "[plot] expected at least one point of finite numbers, got none");
  return fmt::format(
      "# gnuplot {} > {}\n"
      "set encoding utf8\n"
      "set terminal svg noenhanced size {},{} font 'Helvetica,13' "
      "background '#ffffff'\n"
      "set border 3 {}\n"
      "set tics nomirror\n"
      "set grid ytics linetype 1 linecolor '#dddddd'\n"
      "set pointintervalbox 0.1  # what error bars blank below their dot\n"
      "set key outside right top vertical Left reverse\n"
      "{}{}{}\n",
      std::filesystem::path(svg).replace_extension(".gp").string(), svg,
      kWidth + 64 + legend * kCharacter, kHeight, kAxisColor, AxesOf(plot),
      data, elements);
}

bool WritePlot(const std::filesystem::path& path, const Plot& plot) {
  const auto script = std::filesystem::path(path).replace_extension(".gp");
  const auto drawn = std::filesystem::path(path).concat(".new");
  WriteFileAtomically(script, PlotScript(plot, path.filename().string()));
  const std::string failed = RunGnuplot(script, drawn);
  if (failed.empty()) WriteFileAtomically(path, ReadFile(drawn));
  std::error_code ignored;
  std::filesystem::remove(drawn, ignored);
  if (failed.empty()) return true;
  fmt::print(stderr,
             "ohmgrad: {0} was not drawn: gnuplot: {1}; with Debian's package "
             "gnuplot-nox 'gnuplot {2} > {0}' draws it\n",
             path.string(), failed, script.string());
  return false;
}

}  // namespace ohm::train

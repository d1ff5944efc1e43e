// Plots as SVG files: lines over numbers, or grouped bars over categories, both
// with error bars. SVG is text, so the same plot gives the same bytes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ohm::train {

// All text is UTF-8 and may hold any character; control characters become
// spaces.

struct PlotAxis {
  std::string title = "";  // with its unit: "top-1 [%]"
  bool log = false;        // base 10
};

struct PlotSeries {
  std::string name = "";  // in the legend; empty: not there
  // One pair per point, in the order in which they are joined. A point that is
  // not finite is left out and parts the line. Bars have no x: y[i] belongs to
  // categories[i].
  std::vector<double> x = {}, y = {};
  // Half the length of each point's error bar, in the unit of y; empty: none.
  // Entries that are not finite have none.
  std::vector<double> error = {};
  bool pale = false;  // dashed line and hollow points, or pale bars
  int color = -1;     // from 0; -1: the place in Plot::series
};

struct Plot {
  std::string title = "";  // empty: none
  PlotAxis x = {}, y = {};
  std::vector<std::string> categories = {};  // not empty: grouped bars
  std::vector<PlotSeries> series = {};
};

// Ascending round numbers (1, 2, 5 times powers of ten), at least two, the
// first at or below `low`, the last at or above `high`, up to rounding. Finite
// low <= high, above 0 where `log`, or Error.
std::vector<double> PlotTicks(double low, double high, bool log);

// The whole SVG document. Axes reach from the first tick to the last, so that
// they hold every point and error bar (a logarithmic axis cuts bars that reach
// 0); bars also show y = 0, unless y is logarithmic. Colours stay apart for
// colour-blind readers; from the eighth on they come again, with square points.
// Error names the series where lengths differ or it has no entries; Error also
// where nothing is left to draw or a logarithmic axis gets 0 or less.
std::string ToSvg(const Plot& plot);

// ToSvg into a file, whole or not at all. Error as WriteFileAtomically.
void WriteSvg(const std::filesystem::path& path, const Plot& plot);

}  // namespace ohm::train

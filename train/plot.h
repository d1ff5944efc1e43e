// Plots drawn by gnuplot: lines over numbers, or grouped bars over categories,
// both with error bars. The script with the numbers stays beside the picture,
// for whoever wants it in another form.
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

// What gnuplot 5.4 is to run; its standard output is the picture, `svg` the
// name that the first line gives it. Bars show y = 0, unless y is logarithmic.
// Colours stay apart for colour-blind readers; from the eighth on they come
// again, with square points. The same plot gives the same bytes. Error names
// the series where lengths differ or it has no entries; Error also where
// nothing is left to draw or a logarithmic axis gets 0 or less.
std::string PlotScript(const Plot& plot, const std::string& svg);

// PlotScript into `path` with the ending .gp, and what gnuplot makes of it into
// `path`, each whole or not at all. Whether there is a picture: without
// gnuplot, or where it fails, only the script is written, and stderr says how
// to draw it later, for a plot is no reason to lose what it shows. Error as
// PlotScript and WriteFileAtomically.
bool WritePlot(const std::filesystem::path& path, const Plot& plot);

}  // namespace ohm::train

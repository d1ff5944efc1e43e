#include "train/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/base/file.h"

namespace ohm::train {
namespace {

// Colours of Okabe and Ito (2008), without their yellow: too light on white.
constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                   "#e69f00", "#56b4e9", "#000000"};
constexpr size_t kColorCount = std::size(kColors);
constexpr const char* kAxis = " stroke=\"#444444\"";

// All in pixels.
constexpr double kWidth = 560, kHeight = 360;  // of the area inside the axes
constexpr double kLeft = 76, kTop = 44, kBottom = 56;  // margins
constexpr double kInset = 16;      // from the frame to the first and last x
constexpr double kCharacter = 7;   // mean width of one at the font's size
constexpr double kLegendRow = 20;  // height
constexpr double kMarker = 4;      // half its size

std::string Escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    const size_t i = std::string("&<>\"").find(c);
    constexpr const char* kEntities[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    if (i < std::size(kEntities)) {
      escaped += kEntities[i];
    } else {  // XML has no control characters
      escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

std::vector<double> LinearTicks(double low, double high) {
  constexpr double kIntervals = 6;  // about as many
  if (high - low < 1e-300) {
    const double around = std::abs(low) < 1e-290 ? 1 : 0.1 * std::abs(low);
    return LinearTicks(low - around, high + around);
  }
  const double least = (high - low) / kIntervals;
  const double power = std::pow(10, std::floor(std::log10(least)));
  double step = 10 * power;
  for (const double digit : {5, 2, 1}) {
    if (digit * power >= least) step = digit * power;
  }
  std::vector<double> ticks;
  const double first = std::floor(low / step);
  const int count = int(std::ceil(high / step) - first);
  for (int i = 0; i <= count; ++i) ticks.push_back((first + i) * step);
  return ticks;
}

std::vector<double> LogTicks(double low, double high) {
  const int first = int(std::floor(std::log10(low)));
  const int last = int(std::ceil(std::log10(high)));
  const bool fine = last - first <= 3;  // decades
  const int every = std::max(1, (last - first + 7) / 8);
  std::vector<double> ticks;
  for (int power = first; power <= last + every; power += every) {
    for (const double digit : {1, 2, 5}) {
      if (digit == 1 || fine) ticks.push_back(digit * std::pow(10, power));
    }
  }
  while (ticks.size() > 2 && ticks[ticks.size() - 2] >= high) ticks.pop_back();
  while (ticks.size() > 2 && ticks[1] <= low) ticks.erase(ticks.begin());
  return ticks;
}

// From values to pixels.
class Scale {
 public:
  Scale() = default;
  // The axis holds all of `values`, at least one.
  Scale(const std::vector<double>& values, bool log, double from, double to)
      : log_(log), from_(from), to_(to) {
    const auto [low, high] = std::ranges::minmax(values);
    ticks_ = PlotTicks(low, high, log);
  }

  // Values below the axis, such as the end of an error bar that a logarithm
  // cannot show, lie at its start.
  double operator()(double value) const {
    const double low = Map(ticks_.front());
    const double at = Map(std::max(value, ticks_.front()));
    return from_ + (to_ - from_) * (at - low) / (Map(ticks_.back()) - low);
  }
  const std::vector<double>& ticks() const { return ticks_; }

 private:
  double Map(double value) const { return log_ ? std::log10(value) : value; }

  std::vector<double> ticks_;
  bool log_ = false;
  double from_ = 0, to_ = 0;
};

class Drawing {
 public:
  explicit Drawing(const Plot& plot)
      : plot_(plot), bars_(!plot.categories.empty()) {
    std::vector<double> x, y;  // that the axes must hold
    for (const PlotSeries& series : plot.series) {
      Check(series);
      Collect(series, &x, &y);
      legend_ = std::max(legend_, kCharacter * double(series.name.size()));
    }
    OHM_CHECK(!y.empty(),
              "[plot] expected at least one point of finite numbers, got none");
    y_ = Scale(y, plot.y.log, kTop + kHeight, kTop);
    if (!bars_) {
      x_ = Scale(x, plot.x.log, kLeft + kInset, kLeft + kWidth - kInset);
    }
    for (const std::string& name : plot.categories) {
      longest_ = std::max(longest_, kCharacter * double(name.size()));
    }
  }

  std::string Svg() {
    Axes();
    bars_ ? Categories() : TicksOfX();
    for (size_t s = 0; s < plot_.series.size(); ++s) {
      out_ += fmt::format("<g stroke=\"{0}\" fill=\"{0}\">\n", Color(s));
      bars_ ? Bars(s) : Line(s);
      out_ += "</g>\n";
    }
    Legend();
    return Head() + out_ + "</svg>\n";
  }

 private:
  void Check(const PlotSeries& series) const {
    const std::string what = "[plot] series '" + series.name + "': expected ";
    const size_t points = series.y.size();
    OHM_CHECK(points > 0, what + "at least one point, got 0");
    const size_t places = bars_ ? plot_.categories.size() : series.x.size();
    OHM_CHECK(places == points,
              what + fmt::format("{} values of y, got {}", places, points));
    OHM_CHECK(series.error.empty() || series.error.size() == points,
              what + "as many error bars as points, or none");
  }

  bool Drawn(const PlotSeries& series, size_t i) const {
    return std::isfinite(series.y[i]) && (bars_ || std::isfinite(series.x[i]));
  }

  // 0 where there is none.
  static double ErrorOf(const PlotSeries& series, size_t i) {
    const bool has = !series.error.empty() && std::isfinite(series.error[i]);
    return has ? std::abs(series.error[i]) : 0;
  }

  void Collect(const PlotSeries& series, std::vector<double>* x,
               std::vector<double>* y) const {
    for (size_t i = 0; i < series.y.size(); ++i) {
      if (!Drawn(series, i)) continue;
      if (!bars_) x->push_back(series.x[i]);
      const double error = ErrorOf(series, i), low = series.y[i] - error;
      y->push_back(plot_.y.log && low <= 0 ? series.y[i] : low);
      y->push_back(series.y[i] + error);
      if (bars_ && !plot_.y.log) y->push_back(0);
    }
  }

  size_t ColorIndex(size_t s) const {
    const int color = plot_.series[s].color;
    return color < 0 ? s : size_t(color);
  }
  const char* Color(size_t s) const {
    return kColors[ColorIndex(s) % kColorCount];
  }

  double Slot() const { return kWidth / double(plot_.categories.size()); }
  bool Slanted() const { return bars_ && longest_ > Slot() - kCharacter; }
  // What names that fall by 30 degrees need below the axis.
  double Below() const { return Slanted() ? longest_ / 2 : 0; }

  std::string Head() const {
    const double right = std::max(64 + legend_, Slanted() ? longest_ : 0);
    const double width = kLeft + kWidth + right;
    const double rows = kLegendRow * double(plot_.series.size() + 1);
    const double height = kTop + std::max(kHeight + kBottom + Below(), rows);
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
        "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\">\n"
        "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"white\"/>\n",
        width, height);
  }

  // `anchor`: "start", "middle" or "end", what of the text is at (x, y).
  void Text(double x, double y, const char* anchor, const std::string& text,
            const std::string& attributes = "") {
    if (text.empty()) return;
    out_ += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x,
        y, anchor, attributes, Escape(text));
  }

  void Segment(double x1, double y1, double x2, double y2,
               const char* attributes) {
    out_ += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"{}/>\n",
        x1, y1, x2, y2, attributes);
  }

  // Both axes, what is on y's, and all titles.
  void Axes() {
    for (const double tick : y_.ticks()) {
      const double y = y_(tick);
      Segment(kLeft, y, kLeft + kWidth, y, " stroke=\"#dddddd\"");
      Text(kLeft - 8, y + 4, "end", fmt::format("{:.10g}", tick));
    }
    constexpr double kBase = kTop + kHeight;
    Segment(kLeft, kTop, kLeft, kBase, kAxis);
    Segment(kLeft, kBase, kLeft + kWidth, kBase, kAxis);
    const double middle = kLeft + kWidth / 2, x = 20, y = kBase - kHeight / 2;
    Text(middle, kTop - 16, "middle", plot_.title, " font-weight=\"bold\"");
    Text(middle, kBase + 44 + Below(), "middle", plot_.x.title);
    Text(x, y, "middle", plot_.y.title,
         fmt::format(" transform=\"rotate(-90 {} {})\"", x, y));
  }

  void TicksOfX() {
    constexpr double kBase = kTop + kHeight;
    for (const double tick : x_.ticks()) {
      Segment(x_(tick), kBase, x_(tick), kBase + 5, kAxis);
      Text(x_(tick), kBase + 20, "middle", fmt::format("{:.10g}", tick));
    }
  }

  void Categories() {
    for (size_t c = 0; c < plot_.categories.size(); ++c) {
      const double x = kLeft + Slot() * (double(c) + 0.5);
      const double y = kTop + kHeight + 20;
      Text(x, y, Slanted() ? "start" : "middle", plot_.categories[c],
           fmt::format(" transform=\"rotate({} {:.1f} {:.1f})\"",
                       Slanted() ? 30 : 0, x, y));
    }
  }

  void ErrorBar(const PlotSeries& series, size_t i, double x) {
    const double error = ErrorOf(series, i);
    if (error == 0) return;
    const double low = y_(series.y[i] - error), high = y_(series.y[i] + error);
    out_ += fmt::format(
        "<path class=\"error\" fill=\"none\"{5} d=\"M{0:.1f} {1:.1f}V{2:.1f}"
        "M{3:.1f} {1:.1f}H{4:.1f}M{3:.1f} {2:.1f}H{4:.1f}\"/>\n",
        x, low, high, x - kMarker, x + kMarker, bars_ ? kAxis : "");
  }

  // A square where the colours are used for the second time.
  void Marker(size_t s, double x, double y) {
    const double round = ColorIndex(s) / kColorCount % 2 == 0 ? kMarker : 0;
    out_ += fmt::format(
        "<rect class=\"point\" x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"{2}\" "
        "height=\"{2}\" rx=\"{3}\"{4}/>\n",
        x - kMarker, y - kMarker, 2 * kMarker, round,
        plot_.series[s].pale ? " fill=\"white\"" : "");
  }

  // Of lines and bars, in the plot and in the legend.
  const char* Style(size_t s) const {
    const bool pale = plot_.series[s].pale;
    if (bars_) return pale ? " opacity=\"0.4\"" : "";
    return pale ? " stroke-width=\"2\" stroke-dasharray=\"6 4\""
                : " stroke-width=\"2\"";
  }

  void Line(size_t s) {
    const PlotSeries& series = plot_.series[s];
    std::string path;
    for (size_t i = 0; i < series.y.size(); ++i) {
      if (!Drawn(series, i)) continue;
      const bool joined = i > 0 && Drawn(series, i - 1);
      path += fmt::format("{}{:.1f} {:.1f}", joined ? 'L' : 'M',
                          x_(series.x[i]), y_(series.y[i]));
    }
    out_ += fmt::format("<path fill=\"none\"{} d=\"{}\"/>\n", Style(s), path);
    for (size_t i = 0; i < series.y.size(); ++i) {
      if (!Drawn(series, i)) continue;
      ErrorBar(series, i, x_(series.x[i]));
      Marker(s, x_(series.x[i]), y_(series.y[i]));
    }
  }

  void Bars(size_t s) {
    constexpr double kShare = 0.8;  // of a category's room
    const PlotSeries& series = plot_.series[s];
    const double width = kShare * Slot() / double(plot_.series.size());
    for (size_t c = 0; c < series.y.size(); ++c) {
      if (!Drawn(series, c)) continue;
      const double x =
          kLeft + Slot() * (double(c) + (1 - kShare) / 2) + width * double(s);
      const double zero = y_(0), top = y_(series.y[c]);
      out_ += fmt::format(
          "<rect class=\"point\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
          "height=\"{:.1f}\"{}/>\n",
          x, std::min(zero, top), width, std::abs(zero - top), Style(s));
      ErrorBar(series, c, x + width / 2);
    }
  }

  void Legend() {
    const double x = kLeft + kWidth + 16;
    for (size_t s = 0; s < plot_.series.size(); ++s) {
      if (plot_.series[s].name.empty()) continue;
      const double y = kTop + kLegendRow * (double(s) + 0.5);
      out_ += fmt::format("<g stroke=\"{0}\" fill=\"{0}\"{1}>\n", Color(s),
                          bars_ ? " stroke-width=\"10\"" : "");
      Segment(x, y, x + 26, y, Style(s));
      if (!bars_) Marker(s, x + 13, y);
      out_ += "</g>\n";
      Text(x + 34, y + 4, "start", plot_.series[s].name);
    }
  }

  const Plot& plot_;
  const bool bars_;
  Scale x_, y_;
  double legend_ = 0, longest_ = 0;  // widths of series' and categories' names
  std::string out_;
};

}  // namespace

std::vector<double> PlotTicks(double low, double high, bool log) {
  OHM_CHECK(std::isfinite(high - low) && low <= high && (!log || low > 0),
            fmt::format("[plot] expected a finite range{}, got {}..{}",
                        log ? " above 0" : "", low, high));
  return log ? LogTicks(low, high) : LinearTicks(low, high);
}

std::string ToSvg(const Plot& plot) { return Drawing(plot).Svg(); }

void WriteSvg(const std::filesystem::path& path, const Plot& plot) {
  WriteFileAtomically(path, ToSvg(plot));
}

}  // namespace ohm::train

// What the procedural tasks are drawn with: random poses and colours, soft
// edges, a textured noisy background. Only operations that IEEE 754 rounds
// exactly are used (no sine, no power), so that an image has the same bytes on
// every x86-64 machine.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "core/base/random.h"
#include "core/tensor/tensor.h"

namespace ohm::datasets {

constexpr int kSceneSide = 32;  // pixels

// The random numbers of one image, taken one after the other.
class Draws {
 public:
  explicit Draws(Key key) : key_(key) {}
  float Range(float low, float high) {  // uniform in [low, high)
    return low + (high - low) * float(key_.Uniform(next_++));
  }
  bool Coin() { return key_.Below(next_++, 2) == 1; }
  Key Child(std::string_view name) const { return key_.Child(name); }

 private:
  Key key_;
  uint64_t next_ = 0;
};

struct Point {
  float x, y;  // x to the right, y down
};

// Where a figure lies: from pixels to its own frame, where it fits -1 .. 1.
struct Pose {
  Point centre;  // pixels
  float radius;  // pixels
  float cosine, sine;

  Point ToFigure(Point pixel) const {
    const float x = (pixel.x - centre.x) / radius;
    const float y = (pixel.y - centre.y) / radius;
    return {cosine * x + sine * y, cosine * y - sine * x};
  }
};

struct PoseRange {
  float min_radius, max_radius;  // pixels
  float shift;     // largest move of the centre from the middle, pixels
  float max_turn;  // to either side, as tan(angle / 2)
};
Pose DrawPose(const PoseRange& range, Draws* draws);

// A smooth wave of period 1 with values in [-1, 1]: a sine made of parabolas.
float Wave(float phase);

// Share of a pixel that is covered where an edge passes at signed `distance`
// from its centre (pixels, negative inside).
float Coverage(float distance);

// How much of the pixel at a point is ink, 0 .. 1.
using Paint = std::function<float(Point)>;

// u8 [32, 32, 3]: shaded paper with a faint grating, the paint of every pixel
// centre on it, and noise. Paper and ink differ in brightness, either way.
Tensor DrawScene(const Paint& paint, Draws* draws);

}  // namespace ohm::datasets

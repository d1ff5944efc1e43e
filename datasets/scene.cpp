#include "datasets/scene.h"

#include <algorithm>
#include <cmath>

namespace ohm::datasets {
namespace {

using Colour = std::array<float, 3>;  // 0 .. 255

// A colour of about `brightness`.
Colour DrawColour(float brightness, float spread, Draws* draws) {
  Colour colour;
  for (float& channel : colour) {
    channel = brightness + draws->Range(-spread, spread);
  }
  return colour;
}

// Where the light falls from, and the paper's grain.
struct Paper {
  Colour colour;
  Point shade, grating;  // per pixel
  float grating_phase, grating_height;

  float Offset(Point p) const {
    const float half = float(kSceneSide) / 2;
    return shade.x * (p.x - half) + shade.y * (p.y - half) +
           grating_height *
               Wave(grating.x * p.x + grating.y * p.y + grating_phase);
  }
};

Paper DrawPaper(float brightness, Draws* draws) {
  Paper paper;
  paper.colour = DrawColour(brightness, 28, draws);
  paper.shade = {draws->Range(-1.5F, 1.5F), draws->Range(-1.5F, 1.5F)};
  paper.grating = {draws->Range(-0.25F, 0.25F), draws->Range(-0.25F, 0.25F)};
  paper.grating_phase = draws->Range(0, 1);
  paper.grating_height = draws->Range(0, 18);
  return paper;
}

// 0 .. 30, most often near 15: the sum of a byte's halves.
float Grain(uint64_t bits) { return float((bits & 15) + (bits >> 4 & 15)); }

}  // namespace

Pose DrawPose(const PoseRange& range, Draws* draws) {
  Pose pose;
  const float middle = float(kSceneSide) / 2;
  pose.centre = {middle + draws->Range(-range.shift, range.shift),
                 middle + draws->Range(-range.shift, range.shift)};
  pose.radius = draws->Range(range.min_radius, range.max_radius);
  const float t = draws->Range(-range.max_turn, range.max_turn);
  pose.cosine = (1 - t * t) / (1 + t * t);
  pose.sine = 2 * t / (1 + t * t);
  return pose;
}

float Wave(float phase) {
  const float t = 2 * (phase - std::floor(phase)) - 1;  // -1 .. 1
  return 4 * t * (t < 0 ? -1 - t : t - 1);
}

float Coverage(float distance) {
  return std::clamp(0.5F - distance, 0.0F, 1.0F);
}

Tensor DrawScene(const Paint& paint, Draws* draws) {
  const float dark = draws->Range(45, 105);
  const float bright = dark + draws->Range(75, 110);
  const bool inverted = draws->Coin();
  const Paper paper = DrawPaper(inverted ? bright : dark, draws);
  const Colour colour = DrawColour(inverted ? dark : bright, 28, draws);
  const float noise = draws->Range(0.4F, 1.6F);
  const Key grain = draws->Child("grain");

  Tensor image = Tensor::Empty({kSceneSide, kSceneSide, 3}, DType::kU8);
  auto* to = image.data<uint8_t>();
  for (int i = 0; i < kSceneSide; ++i) {
    for (int j = 0; j < kSceneSide; ++j) {
      const Point p{float(j) + 0.5F, float(i) + 0.5F};
      const float ink = paint(p);
      const float offset = paper.Offset(p);
      const uint64_t bits = grain.Bits(uint64_t(i * kSceneSide + j));
      for (size_t c = 0; c < 3; ++c) {
        const float plain = paper.colour[c] + offset;
        const float value = plain + ink * (colour[c] - plain) +
                            noise * (Grain(bits >> (8 * c)) - 15);
        *to++ = uint8_t(std::clamp(value + 0.5F, 0.0F, 255.0F));
      }
    }
  }
  return image;
}

}  // namespace ohm::datasets

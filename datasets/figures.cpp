#include "datasets/figures.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ohm::datasets {
namespace {

float Length(Point p) { return std::sqrt(p.x * p.x + p.y * p.y); }

// Distance to a box around `centre`; exact inside and along its sides.
float Box(Point p, Point centre, Point half) {
  return std::max(std::abs(p.x - centre.x) - half.x,
                  std::abs(p.y - centre.y) - half.y);
}

float Triangle(Point p) {
  return std::max(p.y, 0.866F * std::abs(p.x) - 0.5F * p.y) - 0.5F;
}

// Five points: folded into one of its ten equal wedges, it is one edge.
float Star(Point p) {
  constexpr Point kFold{0.809017F, -0.587785F};
  constexpr Point kEdge{0.45F * 0.587785F, 0.45F * 0.809017F - 1};
  p = {std::abs(p.x), -p.y};
  for (const float side : {1.0F, -1.0F}) {
    const Point fold{side * kFold.x, kFold.y};
    const float over = 2 * std::max(fold.x * p.x + fold.y * p.y, 0.0F);
    p = {p.x - over * fold.x, p.y - over * fold.y};
  }
  p = {std::abs(p.x), p.y - 1};
  const float along = std::clamp(
      (p.x * kEdge.x + p.y * kEdge.y) / (kEdge.x * kEdge.x + kEdge.y * kEdge.y),
      0.0F, 1.0F);
  const float distance = Length({p.x - along * kEdge.x, p.y - along * kEdge.y});
  return p.y * kEdge.x > p.x * kEdge.y ? distance : -distance;
}

float Crescent(Point p) {
  return std::max(Length(p) - 0.9F, 0.68F - Length({p.x - 0.5F, p.y}));
}

}  // namespace

float ShapeDistance(int which, Point p) {
  switch (which) {
    case 0:
      return Length(p) - 0.8F;
    case 1:
      return Box(p, {0, 0}, {0.7F, 0.7F});
    case 2:
      return Triangle(p);
    case 3:
      return std::min(Box(p, {0, 0}, {0.9F, 0.26F}),
                      Box(p, {0, 0}, {0.26F, 0.9F}));
    case 4:
      return std::abs(Length(p) - 0.68F) - 0.2F;
    case 5:
      return Star(p);
    case 6:
      return Box(p, {0, 0}, {0.95F, 0.24F});
    case 7:
      return std::max(Length({p.x, p.y + 0.4F}) - 0.9F, -0.4F - p.y);
    case 8:
      return std::min(Box(p, {-0.5F, 0}, {0.27F, 0.8F}),
                      Box(p, {0, 0.53F}, {0.77F, 0.27F}));
    default:
      return Crescent(p);
  }
}

float GlyphDistance(int which, Point p, float half_width) {
  // Bits: top, upper right, lower right, bottom, lower left, upper left,
  // middle.
  constexpr std::array<int, 10> kLit = {0x3f, 0x06, 0x5b, 0x4f, 0x66,
                                        0x6d, 0x7d, 0x07, 0x7f, 0x6f};
  struct Stroke {
    Point centre;
    bool upright;
  };
  constexpr std::array<Stroke, 7> kStrokes = {
      Stroke{{0, -0.84F}, false},    Stroke{{0.46F, -0.42F}, true},
      Stroke{{0.46F, 0.42F}, true},  Stroke{{0, 0.84F}, false},
      Stroke{{-0.46F, 0.42F}, true}, Stroke{{-0.46F, -0.42F}, true},
      Stroke{{0, 0}, false},
  };
  float nearest = 4;
  for (size_t s = 0; s < kStrokes.size(); ++s) {
    if ((kLit[size_t(which)] >> s & 1) == 0) continue;
    const Point half = kStrokes[s].upright
                           ? Point{half_width, 0.42F + half_width}
                           : Point{0.46F + half_width, half_width};
    nearest = std::min(nearest, Box(p, kStrokes[s].centre, half));
  }
  return nearest;
}

float TextureHeight(int which, Point p, Point centre) {
  constexpr float kDiagonal = 0.7071068F;
  const Point d{p.x - centre.x, p.y - centre.y};
  switch (which) {
    case 0:
      return Wave(p.x);
    case 1:
      return Wave(p.y);
    case 2:
      return Wave(kDiagonal * (p.x + p.y));
    case 3:
      return Wave(kDiagonal * (p.x - p.y));
    case 4:
      return Wave(p.x) * Wave(p.y);
    case 5:
      return 0.5F * (Wave(p.x) + Wave(p.y) - 0.7F);
    case 6:
      return Wave(Length(d));
    case 7:
      return Wave(kDiagonal * (std::abs(d.x) + std::abs(d.y)));
    case 8:
      return Wave(p.y + 0.9F * std::abs(p.x / 2 - std::floor(p.x / 2) - 0.5F));
    default:
      return std::max(Wave(p.x), Wave(p.y)) - 0.6F;
  }
}

}  // namespace ohm::datasets

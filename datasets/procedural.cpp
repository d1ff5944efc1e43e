#include "datasets/procedural.h"

#include <fmt/format.h>

#include <vector>

#include "core/base/check.h"
#include "datasets/figures.h"
#include "datasets/image.h"
#include "datasets/memory.h"
#include "datasets/scene.h"

namespace ohm::datasets {
namespace {

Tensor DrawShape(int label, Draws* draws) {
  const Pose pose = DrawPose(
      {.min_radius = 7, .max_radius = 11, .shift = 5, .max_turn = 0.45F},
      draws);
  return DrawScene(
      [&](Point p) {
        return Coverage(pose.radius * ShapeDistance(label, pose.ToFigure(p)));
      },
      draws);
}

// The blob is a silhouette of the first task, a disc or a square.
Tensor DrawTexture(int label, Draws* draws) {
  const Pose pose = DrawPose(
      {.min_radius = 13, .max_radius = 17, .shift = 4, .max_turn = 0.1F},
      draws);
  const int blob = draws->Coin() ? 0 : 1;
  const float period = draws->Range(4.5F, 7);  // pixels
  const Point phase{draws->Range(0, 1), draws->Range(0, 1)};
  const Point centre{draws->Range(-0.5F, 0.5F), draws->Range(-0.5F, 0.5F)};
  const float scale = pose.radius / period;
  return DrawScene(
      [&](Point p) {
        const Point q = pose.ToFigure(p);
        const float inside = Coverage(pose.radius * ShapeDistance(blob, q));
        if (inside <= 0) return 0.0F;
        const Point t{scale * q.x + phase.x, scale * q.y + phase.y};
        const Point middle{phase.x + centre.x, phase.y + centre.y};
        const float height = TextureHeight(label, t, middle);
        return inside * Coverage(-height * period / 3);
      },
      draws);
}

Tensor DrawGlyph(int label, Draws* draws) {
  const Pose pose = DrawPose(
      {.min_radius = 9, .max_radius = 13, .shift = 3, .max_turn = 0.15F},
      draws);
  const float slant = draws->Range(-0.25F, 0.25F);
  const float width = draws->Range(0.1F, 0.17F);
  return DrawScene(
      [&](Point p) {
        const Point q = pose.ToFigure(p);
        const Point upright{q.x + slant * q.y, q.y};
        return Coverage(pose.radius * GlyphDistance(label, upright, width));
      },
      draws);
}

}  // namespace

Sample DrawSample(ProceduralTask task, Key key, int64_t index) {
  const auto label = int32_t(index % kProceduralClasses);
  Draws draws(key.Child(uint64_t(index)));
  switch (task) {
    case ProceduralTask::kShapes:
      return {DrawShape(label, &draws), label};
    case ProceduralTask::kTextures:
      return {DrawTexture(label, &draws), label};
    case ProceduralTask::kGlyphs:
      return {DrawGlyph(label, &draws), label};
  }
  ThrowError("internal: unknown procedural task");
}

DatasetPtr MakeProcedural(ProceduralTask task, Key key, int64_t count,
                          int image_size) {
  OHM_CHECK(
      count >= 1,
      fmt::format("[procedural] expected at least 1 image, got {}", count));
  std::vector<int32_t> labels(static_cast<size_t>(count));
  Tensor images = CollectImages(count, image_size, [&](int64_t i) {
    Sample sample = DrawSample(task, key, i);
    labels[size_t(i)] = sample.label;
    return sample.image;
  });
  return std::make_shared<MemoryDataset>(std::move(images), std::move(labels),
                                         kProceduralClasses, "procedural");
}

}  // namespace ohm::datasets

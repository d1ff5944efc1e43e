// The figures of the procedural tasks, ten of each kind, in a frame where they
// fit -1 .. 1 (x to the right, y down).
#pragma once

#include "datasets/scene.h"

namespace ohm::datasets {

// Signed distance to the edge of silhouette `which` (0 .. 9), negative inside;
// in units of the frame, exact near the edge.
float ShapeDistance(int which, Point p);

// Signed distance to the strokes, `half_width` thick to either side, of the
// seven-segment digit `which`.
float GlyphDistance(int which, Point p, float half_width);

// Pattern `which` at point p of the plane, with period 1: -1 .. 1, of which
// the positive part is ink. `centre` is what rings and diamonds lie around.
float TextureHeight(int which, Point p, Point centre);

}  // namespace ohm::datasets

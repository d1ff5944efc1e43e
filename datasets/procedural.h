// The data that needs no files: three related 10-class tasks, drawn from
// formulas. Sample i of a split is a function of (task, split, seed, i) alone.
//
//   shapes    the silhouette: disc, square, triangle, cross, ring, star, bar,
//             half disc, L, crescent
//   textures  what fills a blob: stripes of four directions, checks, dots,
//             rings, diamonds, zigzag, grid
//   glyphs    a digit of seven segments
//
// Place, size, rotation, colours of figure and ground, shading, grating and
// noise are random, and figure and ground swap brightness, so that a linear
// classifier on pixels stays far below a small convolutional network (measured:
// 13 to 19 %, tests/datasets/procedural_test.cpp, and over 99 %: ResNet-20 of
// width 8 after 9 epochs on 8,000 images). Cost: 40 us per image and thread.
#pragma once

#include "core/base/random.h"
#include "datasets/dataset.h"

namespace ohm::datasets {

enum class ProceduralTask : uint8_t { kShapes, kTextures, kGlyphs };

constexpr int kProceduralClasses = 10;

// Sample `index` of the stream `key`: u8 [32, 32, 3], label index % 10.
Sample DrawSample(ProceduralTask task, Key key, int64_t index);

// The first `count` samples of the stream, drawn once and kept in memory;
// resized where image_size is not 32.
DatasetPtr MakeProcedural(ProceduralTask task, Key key, int64_t count,
                          int image_size);

}  // namespace ohm::datasets

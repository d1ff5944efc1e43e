// The German Traffic Sign Recognition Benchmark in its published layout
// (benchmark.ini.rub.de): PPM files listed with their classes in CSV files.
#pragma once

#include <filesystem>

#include "datasets/image_folder.h"

namespace ohm::datasets {

// Reads root/Final_Training/Images/<class>/GT-<class>.csv and
// root/Final_Test/GT-final_test.csv (or beside the images in
// Final_Test/Images), both with ";" between fields. Rows whose file is absent
// are passed over. 43 classes. Images are used whole, not cut to the sign's
// box: the files may have been resized since the box was written. Training
// images of one track ("<track>_<frame>.ppm") are one group. Error names file
// and line where a row is malformed or a class is not in 0..42.
TrainTest ReadGtsrb(const std::filesystem::path& root,
                    const FileReading& reading);

}  // namespace ohm::datasets

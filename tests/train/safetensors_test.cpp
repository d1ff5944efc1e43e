#include "train/safetensors.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>

#include "tests/train/scratch_folder.h"

namespace ohm::train {
namespace {

std::string FileOf(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data_bytes, '\1');
}

Tensor Bytes(const Shape& shape, DType dtype) {
  Tensor t = Tensor::Empty(shape, dtype);
  for (size_t i = 0; i < t.bytes(); ++i) t.raw()[i] = std::byte(i * 7 + 1);
  return t;
}

}  // namespace

TEST_CASE("safetensors: all types, shapes and metadata come back") {
  const ScratchFolder folder;
  const auto path = folder / "a.safetensors";
  NamedTensors contents;
  contents.tensors = {{"bytes", Bytes({3}, DType::kU8)},
                      {"a.weight", Bytes({2, 3, 4}, DType::kF32)},
                      {"half", Bytes({5, 1}, DType::kBF16)},
                      {"scalar", Bytes({}, DType::kS32)},
                      {"none", Tensor::Empty({0, 4})},
                      {"small", Bytes({2, 2}, DType::kS8)}};
  contents.metadata = {{"format", "pt"}, {"note", "a \"quoted\" line\n"}};
  WriteSafetensors(path, contents);

  const NamedTensors back = ReadSafetensors(path);
  CHECK(back.metadata == contents.metadata);
  REQUIRE(back.tensors.size() == contents.tensors.size());
  for (const auto& [name, tensor] : contents.tensors) {
    CAPTURE(name);
    REQUIRE(back.Find(name) != nullptr);
    CHECK(BitEqual(*back.Find(name), tensor));
  }
  CHECK(back.Find("absent") == nullptr);
  CHECK(back.tensors[0].first == "a.weight");  // wide types first

  const std::string file = ReadFile(path);
  uint64_t header = 0;
  std::memcpy(&header, file.data(), 8);
  CHECK(header % 8 == 0);
  CHECK(file.substr(8, 1) == "{");
}

TEST_CASE("safetensors: a file as the reference writes it") {
  const ScratchFolder folder;
  // Bytes of safetensors.torch.save_file({"t": torch.tensor([1.5, -2.0])}).
  std::string header =
      R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string file = FileOf(header, 0);
  const float values[] = {1.5F, -2.0F};
  file.append(reinterpret_cast<const char*>(values), sizeof(values));
  const auto path = folder.Write("ref.safetensors", file);
  const NamedTensors read = ReadSafetensors(path);
  CHECK(BitEqual(*read.Find("t"), Tensor::From({2}, values)));
  WriteSafetensors(folder / "own.safetensors", read);
  CHECK(ReadFile(folder / "own.safetensors") == file);
}

TEST_CASE("safetensors: bad files are one sentence with file and tensor") {
  const ScratchFolder folder;
  struct Bad {
    std::string header;
    size_t data;
    std::string says;
  };
  const std::string w = "tensor 'w'";
  const Bad table[] = {
      {"not json", 0, "not JSON"},
      {"[1]", 0, "expected a JSON object"},
      {R"({"w":3})", 0, w},
      {R"({"w":{"shape":[1],"data_offsets":[0,4]}})", 4, w + ": no dtype"},
      {R"({"w":{"dtype":"F32","data_offsets":[0,4]}})", 4, w + ": no shape"},
      {R"({"w":{"dtype":"F32","shape":[1]}})", 4, w + ": no data_offsets"},
      {R"({"w":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4, w},
      {R"({"w":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", 4,
       "unknown dtype 'F99'"},
      {R"({"w":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", 8,
       "got I64"},
      {R"({"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4,
       "whole numbers as shape, got [-1]"},
      {R"({"w":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, w},
      {R"({"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, w},
      {R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4,
       "2 data_offsets, got 1"},
      {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4,
       "truncated"},
      {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8, w},
      {R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
       "expected 12 bytes"},
      {R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],)"
       R"("data_offsets":[0,8]}})",
       8, "does not fit in memory"},
      {R"({"w":{"dtype":"F32","shape":[18446744073709551615],)"
       R"("data_offsets":[0,8]}})",
       8, w},
      {R"({"w":{"dtype":"U8","shape":[1,1,1,1,1,1,1],"data_offsets":[0,1]}})",
       1, "at most 6 axes, got 7"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
       R"("w":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
       6, w + ": its bytes overlap"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
       R"("w":{"dtype":"U8","shape":[2],"data_offsets":[5,7]}})",
       7, w + ": its bytes leave a gap"},
      {R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 9,
       "cover 4 of 9"},
      {R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1, w + " is listed twice"},
      {R"({"w":{"dtype":"F32","shape":[)" + std::string(100000, '[') +
           std::string(100000, ']') + R"(],"data_offsets":[0,4]}})",
       4, "got lists or objects in it"},
      {R"({"__metadata__":{"a":1}})", 0, "__metadata__ 'a'"},
      {R"({"__metadata__":[]})", 0, "__metadata__ to be an object"},
  };
  for (const Bad& bad : table) {
    CAPTURE(bad.header);
    const auto path =
        folder.Write("bad.safetensors", FileOf(bad.header, bad.data));
    const auto message = MessageOf([&] { ReadSafetensors(path); });
    CAPTURE(message);
    CHECK(Contains(message, path.string()));
    CHECK(Contains(message, bad.says));
  }
}

TEST_CASE("safetensors: every truncation of a good file is an error") {
  const ScratchFolder folder;
  const auto path = folder / "good.safetensors";
  NamedTensors contents;
  contents.tensors = {{"w", Bytes({3, 3}, DType::kF32)},
                      {"b", Bytes({3}, DType::kF32)}};
  WriteSafetensors(path, contents);
  const std::string file = ReadFile(path);
  for (size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    const auto cut = folder.Write("cut.safetensors", file.substr(0, size));
    CHECK(Contains(MessageOf([&] { ReadSafetensors(cut); }), cut.string()));
  }
  std::string huge = file;
  huge[7] = '\x7f';  // a header of 2^62 bytes
  const auto path2 = folder.Write("huge.safetensors", huge);
  CHECK(Contains(MessageOf([&] { ReadSafetensors(path2); }), "at most"));
}

TEST_CASE("safetensors: skipped tensors may have any known type") {
  const ScratchFolder folder;
  const auto path = folder.Write(
      "i64.safetensors",
      FileOf(R"({"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})", 8));
  const auto all = [](const std::string&) { return true; };
  CHECK(ReadSafetensors(path, all).tensors.empty());
}

TEST_CASE("safetensors: what cannot be written leaves the old file alone") {
  const ScratchFolder folder;
  const auto path = folder.Write("x.safetensors", "old");
  const Tensor one = Tensor::Scalar(1);
  const auto write = [&](NamedTensors contents) {
    return MessageOf([&] { WriteSafetensors(path, contents); });
  };
  CHECK(Contains(write({{{"a", one}, {"a", one}}, {}}), "'a'"));
  CHECK(Contains(write({{{"__metadata__", one}}, {}}), "reserved"));
  CHECK(Contains(write({{{"u", Tensor()}}, {}}), "'u' holds nothing"));
  CHECK(Contains(write({{{"\xff", one}}, {}}), path.string()));
  CHECK(ReadFile(path) == "old");
  const auto missing = folder / "no/such/folder.safetensors";
  CHECK(Contains(MessageOf([&] { WriteSafetensors(missing, {}); }),
                 missing.string()));
}

}  // namespace ohm::train

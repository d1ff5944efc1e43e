#include "train/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "core/base/check.h"
#include "core/base/file.h"

namespace ohm::train {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little,
              "safetensors bytes are little-endian and copied as they are");

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100'000'000;  // the reference's own limit
constexpr const char* kMetadata = "__metadata__";

struct FileType {
  const char* name;
  uint64_t bytes;
  bool readable;  // ohmgrad has this type
  DType dtype;
};

constexpr FileType kTypes[] = {
    {"F32", 4, true, DType::kF32},     {"BF16", 2, true, DType::kBF16},
    {"I32", 4, true, DType::kS32},     {"I8", 1, true, DType::kS8},
    {"U8", 1, true, DType::kU8},       {"F64", 8, false, DType::kF32},
    {"I64", 8, false, DType::kF32},    {"U64", 8, false, DType::kF32},
    {"U32", 4, false, DType::kF32},    {"F16", 2, false, DType::kF32},
    {"I16", 2, false, DType::kF32},    {"U16", 2, false, DType::kF32},
    {"BOOL", 1, false, DType::kF32},   {"F8_E5M2", 1, false, DType::kF32},
    {"F8_E4M3", 1, false, DType::kF32}};

const char* FileNameOf(DType dtype) {
  const auto* type = std::ranges::find_if(kTypes, [&](const FileType& t) {
    return t.readable && t.dtype == dtype;
  });
  return type->name;
}

struct Entry {
  std::string name;
  const FileType* type = nullptr;
  std::vector<int64_t> dims = {};
  uint64_t begin = 0;  // bytes after the header
  uint64_t end = 0;
};

// Checks one file; every message starts with its path.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : path_(path), bytes_(ReadFile(path)) {}

  NamedTensors Read(const SkipTensor& skip) {
    const Json header = Header();
    NamedTensors contents;
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == kMetadata) {
        contents.metadata = Metadata(value);
      } else {
        entries.push_back(ParseEntry(name, value));
      }
    }
    CheckLayout(&entries);
    for (const Entry& entry : entries) {
      if (skip && skip(entry.name)) continue;
      contents.tensors.emplace_back(entry.name, MakeTensor(entry));
    }
    return contents;
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    ThrowError("'" + path_.string() +
               "' is not a good safetensors file: " + what);
  }
  [[noreturn]] void Fail(const Entry& entry, const std::string& what) const {
    Fail("tensor '" + entry.name + "': " + what);
  }

  Json Header() {
    if (bytes_.size() < kLengthBytes) {
      Fail("expected at least 8 bytes, got " + std::to_string(bytes_.size()));
    }
    uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    if (length > kMaxHeader) {
      Fail("expected a header of at most 100000000 bytes, got " +
           std::to_string(length));
    }
    if (length > bytes_.size() - kLengthBytes) {
      Fail("truncated: the header has " + std::to_string(length) +
           " bytes, only " + std::to_string(bytes_.size() - kLengthBytes) +
           " follow its length");
    }
    payload_ = std::span(bytes_).subspan(kLengthBytes + length);
    return ParseHeader(bytes_.substr(kLengthBytes, length));
  }

  // nlohmann keeps one of two equal keys silently, so count them here.
  Json ParseHeader(const std::string& text) {
    std::set<std::string> names;
    std::string repeated;
    const auto watch = [&](int depth, Json::parse_event_t event,
                           const Json& parsed) {
      if (depth == 1 && event == Json::parse_event_t::key) {
        const auto name = parsed.get<std::string>();
        if (!names.insert(name).second) repeated = name;
      }
      return true;
    };
    Json header;
    try {
      header = Json::parse(text, watch);
    } catch (const Json::exception& error) {
      Fail(std::string("its header is not JSON: ") + error.what());
    }
    if (!header.is_object()) {
      Fail(std::string("expected a JSON object as header, got ") +
           header.type_name());
    }
    if (!repeated.empty()) Fail("tensor '" + repeated + "' is listed twice");
    return header;
  }

  std::map<std::string, std::string> Metadata(const Json& value) {
    std::map<std::string, std::string> metadata;
    if (!value.is_object()) Fail("expected __metadata__ to be an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) {
        Fail("expected text for __metadata__ '" + key + "', got " +
             text.type_name());
      }
      metadata[key] = text.get<std::string>();
    }
    return metadata;
  }

  Entry ParseEntry(const std::string& name, const Json& value) {
    Entry entry{.name = name};
    if (!value.is_object()) Fail(entry, "expected an object");
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      if (!value.contains(key)) Fail(entry, std::string("no ") + key);
    }
    if (!value["dtype"].is_string()) Fail(entry, "expected text as dtype");
    const auto dtype = value["dtype"].get<std::string>();
    entry.type = std::ranges::find_if(
        kTypes, [&](const FileType& type) { return type.name == dtype; });
    if (entry.type == std::end(kTypes)) {
      Fail(entry, "unknown dtype '" + dtype + "'");
    }
    for (const uint64_t size : Numbers(entry, value, "shape")) {
      entry.dims.push_back(static_cast<int64_t>(size));
    }
    const auto offsets = Numbers(entry, value, "data_offsets");
    if (offsets.size() != 2) {
      Fail(entry,
           "expected 2 data_offsets, got " + std::to_string(offsets.size()));
    }
    entry.begin = offsets[0];
    entry.end = offsets[1];
    CheckSize(entry);
    return entry;
  }

  std::vector<uint64_t> Numbers(const Entry& entry, const Json& value,
                                const char* key) {
    const auto bad = [&] {
      // What is nested may be nested too deeply to be written out.
      const bool nested = value[key].is_structured() &&
                          std::ranges::any_of(value[key], [](const Json& v) {
                            return v.is_structured();
                          });
      Fail(entry, std::string("expected a list of whole numbers as ") + key +
                      ", got " +
                      (nested ? "lists or objects in it" : value[key].dump()));
    };
    std::vector<uint64_t> numbers;
    if (!value[key].is_array()) bad();
    for (const Json& number : value[key]) {
      if (!number.is_number_unsigned()) bad();
      numbers.push_back(number.get<uint64_t>());
      if (numbers.back() > uint64_t(INT64_MAX)) bad();
    }
    return numbers;
  }

  // The shape's bytes must be the offsets' span and lie inside the file.
  void CheckSize(const Entry& entry) {
    uint64_t bytes = entry.type->bytes;
    for (const int64_t size : entry.dims) {
      if (__builtin_mul_overflow(bytes, uint64_t(size), &bytes)) {
        Fail(entry, "its shape does not fit in memory");
      }
    }
    if (entry.begin > entry.end || entry.end > payload_.size()) {
      Fail(entry, "data_offsets " + Range(entry) + " are outside the " +
                      std::to_string(payload_.size()) +
                      " data bytes of the file; it may be truncated");
    }
    if (entry.end - entry.begin != bytes) {
      Fail(entry, "expected " + std::to_string(bytes) +
                      " bytes for its shape and dtype " + entry.type->name +
                      ", got data_offsets " + Range(entry));
    }
  }

  // Sorts by offset; the tensors must cover the data without gap or overlap.
  void CheckLayout(std::vector<Entry>* entries) {
    std::ranges::stable_sort(*entries, [](const Entry& a, const Entry& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    uint64_t covered = 0;
    for (const Entry& entry : *entries) {
      if (entry.begin != covered) {
        Fail(entry, std::string("its bytes ") +
                        (entry.begin < covered ? "overlap the tensor before it"
                                               : "leave a gap before them") +
                        ": data_offsets " + Range(entry) + ", expected begin " +
                        std::to_string(covered));
      }
      covered = entry.end;
    }
    if (covered != payload_.size()) {
      Fail("its tensors cover " + std::to_string(covered) + " of " +
           std::to_string(payload_.size()) + " data bytes");
    }
  }

  Tensor MakeTensor(const Entry& entry) {
    if (!entry.type->readable) {
      Fail(entry, std::string("expected dtype F32, BF16, I32, I8 or U8, got ") +
                      entry.type->name);
    }
    if (entry.dims.size() > size_t(Shape::kMaxRank)) {
      Fail(entry, "expected at most " + std::to_string(Shape::kMaxRank) +
                      " axes, got " + std::to_string(entry.dims.size()));
    }
    Tensor tensor = Tensor::Empty(Shape(std::span<const int64_t>(entry.dims)),
                                  entry.type->dtype);
    std::memcpy(tensor.raw(), payload_.data() + entry.begin,
                entry.end - entry.begin);
    return tensor;
  }

  static std::string Range(const Entry& entry) {
    return "[" + std::to_string(entry.begin) + ", " +
           std::to_string(entry.end) + "]";
  }

  std::filesystem::path path_;
  std::string bytes_;
  std::span<const char> payload_;
};

}  // namespace

const Tensor* NamedTensors::Find(const std::string& name) const {
  const auto it = std::ranges::find_if(
      tensors, [&](const auto& entry) { return entry.first == name; });
  return it == tensors.end() ? nullptr : &it->second;
}

NamedTensors ReadSafetensors(const std::filesystem::path& path,
                             const SkipTensor& skip) {
  return Reader(path).Read(skip);
}

void WriteSafetensors(const std::filesystem::path& path,
                      const NamedTensors& contents) {
  std::vector<const std::pair<std::string, Tensor>*> order;
  std::set<std::string> names{kMetadata};
  for (const auto& entry : contents.tensors) {
    OHM_CHECK(entry.second.defined(), "cannot write '" + path.string() +
                                          "': tensor '" + entry.first +
                                          "' holds nothing");
    OHM_CHECK(names.insert(entry.first).second,
              "cannot write '" + path.string() + "': tensor name '" +
                  entry.first + "' is used twice or reserved");
    order.push_back(&entry);
  }
  std::ranges::stable_sort(order, std::greater(), [](const auto* entry) {
    return SizeOf(entry->second.dtype());
  });

  Json header = Json::object();
  if (!contents.metadata.empty()) header[kMetadata] = contents.metadata;
  uint64_t offset = 0;
  for (const auto* entry : order) {
    const Tensor& tensor = entry->second;
    const auto dims = tensor.shape().dims();
    header[entry->first] = {
        {"dtype", FileNameOf(tensor.dtype())},
        {"shape", std::vector<int64_t>(dims.begin(), dims.end())},
        {"data_offsets", {offset, offset + tensor.bytes()}}};
    offset += tensor.bytes();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& error) {
    ThrowError("cannot write '" + path.string() + "': " + error.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // keeps the data 8-byte aligned

  std::string file(kLengthBytes, '\0');
  const uint64_t length = text.size();
  std::memcpy(file.data(), &length, kLengthBytes);
  file.reserve(kLengthBytes + length + offset);
  file += text;
  for (const auto* entry : order) {
    file.append(reinterpret_cast<const char*>(entry->second.raw()),
                entry->second.bytes());
  }
  WriteFileAtomically(path, file);
}

}  // namespace ohm::train

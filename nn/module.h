// Modules: things with parameters, buffers and children, named as in PyTorch.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/autograd/var.h"
#include "core/base/random.h"

namespace ohm::nn {

// What a parameter is for. Optimiser groups, weight decay, freezing and file
// layouts are chosen by role, never by position.
enum class Role : uint8_t {
  kConvWeight,    // [out, kh, kw, in / groups]; PyTorch file: [out, in, kh, kw]
  kLinearWeight,  // [out, in]
  kBias,          // [out]
  kNormScale,     // [channels]
  kNormShift,     // [channels]
  kMaskScore,     // of masks: scores that a threshold cuts
  kMaskFactor,    // of masks: factors or their exponents
  kMaskWeight,    // of masks: weights of reprogrammed cells
  kAdcRange,      // learned converter ranges
};
const char* NameOf(Role role);
bool IsNorm(Role role);  // scale or shift of a normalisation
bool IsMask(Role role);  // any of a mask's

// A leaf Var that training may change, with its dotted path ("layer1.0.bn1
// .weight") inside the module it was listed from.
struct NamedParameter {
  std::string name;
  Role role;
  Var var;
};

// State that is saved but not trained: running statistics, converter ranges.
// `tensor` points into the module, which must outlive the entry.
struct NamedBuffer {
  std::string name;
  Tensor* tensor;
};

// What one forward pass needs to know beside its input.
struct Context {
  bool training = false;  // batch statistics, converter ranges follow the data
  bool calibrating = false;  // crossbars set their converter ranges from this
  bool normalising = false;  // batch statistics alone; all else as in use
  // Randomness of this pass: a trainer gives each step a key of its own, a
  // layer draws from noise.Child(its name).
  Key noise = Key();
  // Number of the batch's first sample under that key: what is drawn for a
  // sample does not depend on how samples are cut into batches.
  int64_t first_sample = 0;
};

class Module {
 public:
  virtual ~Module() = default;
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  virtual Var Forward(const Var& x, const Context& context) = 0;

  // Own parameters and buffers first, then the children's in the order they
  // were added, with dotted names.
  std::vector<NamedParameter> Parameters();
  std::vector<NamedBuffer> Buffers();

  // Calls visit(path, module) for this module (path "") and all below it.
  using Visitor = std::function<void(const std::string&, Module&)>;
  void Visit(const Visitor& visit);

  void ClearGrads();

 protected:
  Var AddParameter(std::string name, Role role, Tensor value);
  void AddBuffer(std::string name, Tensor* tensor);
  // Returns the child, now owned by this module.
  template <typename M>
  M* AddChild(std::string name, std::unique_ptr<M> child) {
    M* raw = child.get();
    children_.emplace_back(std::move(name), std::move(child));
    return raw;
  }
  // Lists what a module holds beside its registered members (a policy's
  // ranges and masks); the default adds nothing.
  virtual void ListMore(std::vector<NamedParameter>* parameters,
                        std::vector<NamedBuffer>* buffers);

 private:
  void List(const std::string& prefix, std::vector<NamedParameter>* parameters,
            std::vector<NamedBuffer>* buffers);
  void VisitFrom(const std::string& path, const Visitor& visit);

  std::vector<NamedParameter> parameters_;
  std::vector<NamedBuffer> buffers_;
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
};

}  // namespace ohm::nn

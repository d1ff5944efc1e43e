#include "core/base/table.h"

#include "nn/models/lenet5.h"
#include "nn/models/mlp.h"
#include "nn/models/model.h"
#include "nn/models/resnet_cifar.h"
#include "nn/models/resnet_imagenet.h"
#include "nn/models/vgg.h"

namespace ohm::nn {

const std::vector<ModelRow>& ModelTable() {
  static const std::vector<ModelRow> table = {
      {"mlp", "three linear layers, 256 hidden units", MakeMlp},
      {"lenet5", "LeNet-5: two 5x5 convolutions, three linear layers",
       MakeLeNet5},
      {"resnet8", "ResNet for small images, 1 block per stage",
       MakeResNetCifar<8>},
      {"resnet20", "ResNet for small images, 3 blocks per stage",
       MakeResNetCifar<20>},
      {"resnet32", "ResNet for small images, 5 blocks per stage",
       MakeResNetCifar<32>},
      {"resnet44", "ResNet for small images, 7 blocks per stage",
       MakeResNetCifar<44>},
      {"resnet56", "ResNet for small images, 9 blocks per stage",
       MakeResNetCifar<56>},
      {"resnet18", "ResNet for large images, basic blocks 2-2-2-2",
       MakeResNetImageNet<18>},
      {"resnet34", "ResNet for large images, basic blocks 3-4-6-3",
       MakeResNetImageNet<34>},
      {"resnet50", "ResNet for large images, bottlenecks 3-4-6-3",
       MakeResNetImageNet<50>},
      {"vgg16_bn", "VGG-16 with batch norm, for images of 224x224",
       MakeVgg16Bn},
  };
  return table;
}

std::unique_ptr<Model> MakeModel(const ModelSpec& spec, Key key) {
  return FindRow(ModelTable(), spec.name, "[model]").make(spec, key);
}

}  // namespace ohm::nn

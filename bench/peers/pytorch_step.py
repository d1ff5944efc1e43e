#!/usr/bin/env python3
"""One training step in PyTorch, timed as `ohmgrad bench step` times its own.

The same network, optimiser, loss and batch size on one fixed batch of random
images. Needs nothing but PyTorch (Debian's python3-torch).
"""

import argparse
import json
import resource
import sys
import time

try:
    import torch
except ImportError as error:
    sys.exit(
        f"pytorch_step.py: cannot import torch ({error}); Debian's package is "
        "python3-torch"
    )

from torch import nn
from torch.nn import functional as F

WARM_UP, LEAST, MOST = 3, 5, 1000  # runs, as in bench/timing.cpp


def conv3x3(channels_in, channels_out, stride):
    return nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)


class PadShortcut(nn.Module):
    """Every second pixel, zero channels on both sides: no weights."""

    def __init__(self, channels_in, channels_out, stride):
        super().__init__()
        self.stride = stride
        self.before = (channels_out - channels_in) // 2
        self.behind = channels_out - channels_in - self.before

    def forward(self, x):
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, self.before, self.behind))


def projection(channels_in, channels_out, stride):
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
        nn.BatchNorm2d(channels_out),
    )


class BasicBlock(nn.Module):
    def __init__(self, channels_in, channels_out, stride, shortcut):
        super().__init__()
        self.conv1 = conv3x3(channels_in, channels_out, stride)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = conv3x3(channels_out, channels_out, 1)
        self.bn2 = nn.BatchNorm2d(channels_out)
        changes = stride != 1 or channels_in != channels_out
        self.shortcut = (
            shortcut(channels_in, channels_out, stride)
            if changes
            else nn.Identity()
        )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x), inplace=True)


def stages(widths, blocks, shortcut):
    """Blocks of each width; every stage but the first halves the image."""
    layers = []
    channels = widths[0]
    for stage, width in enumerate(widths):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            layers.append(BasicBlock(channels, width, stride, shortcut))
            channels = width
    return layers


def head(channels, classes):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]


def resnet20(classes):
    return nn.Sequential(
        conv3x3(3, 16, 1),
        nn.BatchNorm2d(16),
        nn.ReLU(inplace=True),
        *stages((16, 32, 64), 3, PadShortcut),
        *head(64, classes),
    )


def resnet18(classes):
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
        *stages((64, 128, 256, 512), 2, projection),
        *head(512, classes),
    )


# name -> network, classes, height and width of its images
MODELS = {"resnet20": (resnet20, 10, 32), "resnet18": (resnet18, 1000, 224)}


class Step:
    def __init__(self, options):
        torch.manual_seed(1)
        make, classes, size = MODELS[options.model]
        layout = (
            torch.channels_last
            if options.layout == "channels_last"
            else torch.contiguous_format
        )
        self.model = make(classes).train().to(memory_format=layout)
        images = torch.randn(options.batch, 3, size, size)
        self.images = images.contiguous(memory_format=layout)
        # As many different labels as `ohmgrad bench step` has.
        self.labels = torch.arange(options.batch) % 10
        self.bf16 = options.dtype == "bf16"
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=0.01,
            momentum=options.momentum,
            nesterov=options.nesterov,
            weight_decay=options.weight_decay,
        )
        self.label_smoothing = options.label_smoothing

    def run(self):
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            loss = F.cross_entropy(
                self.model(self.images),
                self.labels,
                label_smoothing=self.label_smoothing,
            )
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def check_learns(self):
        first = self.run()
        for _ in range(10):
            last = self.run()
        if not last < first:
            sys.exit(
                "pytorch_step.py: expected the loss of one batch to fall in "
                f"10 steps, got {first} and then {last}"
            )

    def parameters(self):
        return sum(p.numel() for p in self.model.parameters())


def measure(run, seconds):
    """Milliseconds of each run, sorted."""
    for _ in range(WARM_UP):
        run()
    times = []
    start = time.perf_counter()
    while len(times) < LEAST or (
        time.perf_counter() - start < seconds and len(times) < MOST
    ):
        begin = time.perf_counter()
        run()
        times.append((time.perf_counter() - begin) * 1e3)
    return sorted(times)


def result(options, step, times):
    def at(share):
        return times[int(share * (len(times) - 1) + 0.5)]

    median = at(0.5)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "name": f"pytorch {options.model} {options.dtype} {options.layout} "
        f"batch {options.batch}",
        "median_ms": median,
        "min_ms": times[0],
        "p90_ms": at(0.9),
        "spread_percent": 100 * (at(0.75) - at(0.25)) / median,
        "per_second": options.batch / median * 1e3,
        "threads": torch.get_num_threads(),
        "runs": len(times),
        "unit": "images/s",
        "model": options.model,
        "dtype": options.dtype,
        "batch": options.batch,
        "parameters": step.parameters(),
        "peak_mib": usage.ru_maxrss / 1024,
        "layout": options.layout,
        "torch": torch.__version__,
    }


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=MODELS, default="resnet20")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    parser.add_argument(
        "--layout", choices=("default", "channels_last"), default="default"
    )
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--nesterov", action="store_true")
    parser.add_argument("--weight-decay", type=float, default=5e-4)
    parser.add_argument("--label-smoothing", type=float, default=0)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main():
    options = parse()
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    step = Step(options)
    step.check_learns()
    line = result(options, step, measure(step.run, options.seconds))
    if options.json:
        print(json.dumps(line))
        return
    print(
        "{name}: {median_ms:.3f} ms (min {min_ms:.3f}, p90 {p90_ms:.3f}, "
        "spread {spread_percent:.1f} %, {runs} runs) {per_second:.1f} {unit}, "
        "peak {peak_mib:.0f} MiB".format(**line)
    )


if __name__ == "__main__":
    main()

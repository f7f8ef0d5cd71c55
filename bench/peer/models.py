# models.py - the benchmark's networks as PyTorch modules, the same as mwnet's resnet32,
# smallconv and mlp, and the weight net V. Used as they are by double_backward.py; the
# hand-written passes of best_tangent.py take their parameters from here.
import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 10
INPUT = {"resnet32": (3, 32, 32), "smallconv": (1, 28, 28), "mlp": (512,)}


class BasicBlock(nn.Module):
    """Two 3x3 convolutions; the shortcut has no parameters (option A)."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.pad = (channels - channels_in) // 2

    def forward(self, x):
        shortcut = x
        if self.stride != 1 or self.pad:
            shortcut = F.pad(x[:, :, :: self.stride, :: self.stride],
                             (0, 0, 0, 0, self.pad, self.pad))
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class ResNet32(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self.stage(16, 16, 1)
        self.layer2 = self.stage(16, 32, 2)
        self.layer3 = self.stage(32, 64, 2)
        self.linear = nn.Linear(64, CLASSES)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight)

    @staticmethod
    def stage(channels_in, channels, stride):
        blocks = [BasicBlock(channels_in, channels, stride)]
        blocks += [BasicBlock(channels, channels, 1) for _ in range(4)]
        return nn.Sequential(*blocks)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class SmallConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.fc1 = nn.Linear(32 * 7 * 7, 128)
        self.fc2 = nn.Linear(128, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(512, 256)
        self.fc2 = nn.Linear(256, CLASSES)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


class WeightNet(nn.Module):
    """V: the loss of a sample -> its weight, 1-100-1."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(1, 100)
        self.fc2 = nn.Linear(100, 1)

    def forward(self, loss):
        return torch.sigmoid(self.fc2(F.relu(self.fc1(loss))))


def make_model(name, dtype=torch.float32):
    model = {"resnet32": ResNet32, "smallconv": SmallConv, "mlp": MLP}[name]()
    return model.to(dtype).train()


def make_batches(name, batch, dtype=torch.float32, seed=1):
    """A train and a meta batch of noise: x, labels, x, labels."""
    random = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(2):
        parts.append(torch.randn((batch,) + INPUT[name], generator=random, dtype=dtype))
        parts.append(torch.randint(CLASSES, (batch,), generator=random))
    return parts

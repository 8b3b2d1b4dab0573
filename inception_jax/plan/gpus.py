"""Published figures of NVIDIA's data-centre GPUs, and XLA's description of each."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from inception_jax.plan import gpu_schedule, hlo
from inception_jax.plan.schedule import Schedule

HOST = 8  # GPUs that NVLink joins, as in NVIDIA's DGX and HGX
MOST = 256
# What XLA's allocator takes of a GPU's memory, unless XLA_PYTHON_CLIENT_MEM_FRACTION is set.
FRACTION = 0.75


class Gpu(NamedTuple):
    """One GPU, of hosts of eight.

    Attributes:
        name: as in a topology, `h100`.
        kind: JAX's `device_kind`.
        flops: multiplications and additions a second in bfloat16, dense.
        memory: bytes.
        bandwidth: bytes a second between the GPU and its memory.
        links: bytes a second of NVLink to the GPUs of its host, both directions together.
        network: bytes a second of InfiniBand to other hosts, in each direction.
        clock: cycles a second, the highest.
        cores: streaming multiprocessors.
        units: 32-bit units of a core.
        l2: bytes of the second-level cache.
        shared: bytes of a core's shared memory; a block can have 1 KiB less.
        capability: CUDA's.
        source: of links and network; the others are XLA's and agree with NVIDIA's data sheets.
    """

    name: str
    kind: str
    flops: float
    memory: int
    bandwidth: float
    links: float
    network: float
    clock: float
    cores: int
    units: int
    l2: int
    shared: int
    capability: int
    source: str

    # The extra that installs the compiler, and the environment variable that keeps JAX's plug-in
    # from checking the GPU's driver. No GPU is claimed.
    EXTRA = "cuda13"
    ENVIRONMENT = (("JAX_SKIP_CUDA_CONSTRAINTS_CHECK", "1"),)
    NOTE = "counted in the compiler's program; time by a model of one H100, see plan/README.md"

    @property
    def usable(self) -> int:
        """Bytes of memory that XLA's allocator takes by default."""
        return int(FRACTION * self.memory)

    def compiler(self, name: str) -> dict[str, Any]:
        """Arguments of JAX's `get_topology_desc` for `h100-8`, which has 8 GPUs.

        Raises:
            ValueError: hosts of eight GPUs cannot have that many.
        """
        match = re.fullmatch(r"[a-z0-9]+-(\d+)", name)
        count = int(match[1]) if match else 0
        if not 0 < count <= HOST and not (count % HOST == 0 < count <= MOST):
            raise ValueError(
                f"expected {self.name}-1 to {self.name}-{HOST}, or a multiple of {HOST} GPUs up to "
                f"{self.name}-{MOST}"
            )
        hosts = max(1, count // HOST)
        return {
            "platform": "cuda",
            "topology_name": name,
            "topology": f"1x{hosts}x{count // hosts}",  # partitions, hosts, GPUs of each
            "target_config": self.target(),
        }

    def target(self) -> str:
        """The GPU as the text of XLA's GpuTargetConfigProto."""
        fields = {
            "threads_per_block_limit": 1024, "threads_per_warp": 32,
            "shared_memory_per_block": 49152, "shared_memory_per_core": self.shared,
            "threads_per_core_limit": 2048, "core_count": self.cores, "fpus_per_core": self.units,
            "block_dim_limit_x": 2**31 - 1, "block_dim_limit_y": 2**16 - 1,
            "block_dim_limit_z": 2**16 - 1, "memory_bandwidth": int(self.bandwidth),
            "l2_cache_size": self.l2, "clock_rate_ghz": self.clock / 1e9,
            "device_memory_size": self.memory,
            "shared_memory_per_block_optin": self.shared - 1024,
            "registers_per_core_limit": 2**16, "registers_per_block_limit": 2**16,
        }  # fmt: skip
        lines = "\n".join(f"  {name}: {value}" for name, value in fields.items())
        return (
            f"gpu_device_info {{\n{lines}\n"
            f"  cuda_compute_capability {{ major: {self.capability} }}\n}}\n"
            'platform_name: "CUDA"\ndnn_version_info { major: 9 minor: 12 }\n'
            f'runtime_version {{ major: 13 }}\ndevice_description_str: "{self.kind}"\n'
        )

    def network_s(self, kind: str, devices: int, size: int) -> float:
        """The shortest seconds of a collective of `size` bytes over a group of `devices`.

        All links are always busy. Beyond a host it is done in two levels: each GPU passes an eighth
        of the bytes to its like in the other hosts. A sum passes links twice.
        """
        passes = 2 if kind == "all-reduce" else 1
        inside = min(devices, HOST)
        hosts = -(-devices // HOST)
        nvlink = (1 - 1 / inside) * size / (self.links / 2)
        return passes * (nvlink + (1 - 1 / hosts) * size / inside / self.network)

    def schedule(
        self, module: hlo.HloModule, rows: Collection[str], cost: Mapping[str, float] | None
    ) -> Schedule:
        """The work of a program with these rows; XLA gives a GPU's programs no `cost`."""
        return gpu_schedule.read(module, rows, self.flops, self.bandwidth)


# XLA's figures are in openxla/xla, xla/backends/gpu/target_config/specs: a100_sxm_80, h100_sxm,
# h200, b200.txtpb. The peaks follow from them: cores x 4 matrix units x multiply-adds a cycle (A100
# 256, H100 and H200 512, B200 1024) x their clock (A100 1.41 GHz, H100 and H200 1.83, B200 1.84).
GPUS = (
    Gpu("a100", "NVIDIA A100-SXM4-80GB", 312e12, 85_100_068_864, 2039.04e9, 600e9, 25e9, 1.41e9,
        108, 64, 41_943_040, 167_936, 8, "NVIDIA DGX A100 data sheet"),
    Gpu("h100", "NVIDIA H100 80GB HBM3", 989e12, 84_942_979_072, 3352.32e9, 900e9, 50e9, 1.98e9,
        132, 128, 52_428_800, 233_472, 9, "NVIDIA DGX H100 data sheet"),
    Gpu("h200", "NVIDIA H200 141GB HBM3e", 989e12, 151_397_597_184, 4800e9, 900e9, 50e9, 1.98e9,
        132, 128, 52_428_800, 233_472, 9, "NVIDIA DGX H200 data sheet"),
    Gpu("b200", "NVIDIA B200", 2250e12, 191_514_411_008, 7672.32e9, 1800e9, 50e9, 1.965e9,
        148, 128, 132_644_864, 233_472, 10, "NVIDIA DGX B200 data sheet"),
)  # fmt: skip

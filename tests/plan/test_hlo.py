"""Tests `hlo`: instructions, arrays, runs and replica groups in the text of a program."""

import math

import pytest

from inception_jax.plan import hlo

PROGRAM = """\
HloModule jit_step, is_scheduled=true

%fused (a: f32[4]) -> f32[4] {
  %a = f32[4]{0} parameter(0)
  ROOT %twice = f32[4]{0} add(%a, %a)
}

%body (p: (f32[4])) -> (f32[4]) {
  %f = f32[4]{0} fusion(%x), kind=kLoop, calls=%fused
}

%yes (p: f32[4]) -> f32[4] {
  %g = f32[4]{0} fusion(%p), kind=kLoop, calls=%fused
}

ENTRY %main (p: f32[4]) -> f32[4] {
  %w = (f32[4]{0}) while(%t), condition=%c, body=%body, backend_config=\
{"known_trip_count":{"n":"3"}}
  %i = f32[4]{0} conditional(%b, %p, %p), branch_computations={%yes, %no}
  ROOT %v = (f32[3,2]{1,0:T(8,128)(2,1)S(1)}, /*index=1*/pred[9]{0}) fusion(%w, %i), kind=kLoop, \
calls=%fused, metadata={op_name="jit(step)/conv_1a/mul" source_file="a.py"}
}
"""


def test_instructions():
    """Name, shape, operation, operands, metadata."""
    module = hlo.parse(PROGRAM)
    assert list(module.computations) == ["fused", "body", "yes", "main"] and module.entry == "main"
    last = module.computations["main"][-1]
    assert (last.name, last.op, last.operands, last.fused) == ("v", "fusion", ["w", "i"], ["fused"])
    assert last.op_name == "jit(step)/conv_1a/mul"
    assert module.computations["fused"][0].op_name == ""


def test_arrays():
    """A tuple's arrays, their bytes, and whether they are in VMEM."""
    first, second = hlo.arrays(hlo.parse(PROGRAM).computations["main"][-1].shape)
    assert (first.dtype, first.dims, first.bytes, first.in_vmem) == ("f32", "3,2", 24, True)
    assert (second.bytes, second.in_vmem) == (9, False)
    sizes = {"bf16[4,2]": 16, "s4[3]": 2, "f8e4m3fn[5]": 5, "f32[]": 4, "token[]": 0, "f32[0,4]": 0}
    assert {shape: hlo.arrays(shape)[0].bytes for shape in sizes} == sizes


def test_runs():
    """A loop's body runs once a trip, a branch at most once, a fusion as often as its callers."""
    runs = hlo.parse(PROGRAM).runs()
    assert {n: runs[n] for n in ("main", "body", "yes", "fused", "other")} == {
        "main": 1, "body": 3, "yes": 1, "fused": 5, "other": 0,
    }  # fmt: skip
    unknown = PROGRAM.replace('{"known_trip_count":{"n":"3"}}', "{}")
    assert hlo.parse(unknown).runs()["body"] == math.inf


@pytest.mark.parametrize(
    ("attributes", "groups"),
    [("replica_groups={{0,2},{1,3}}", [[0, 2], [1, 3]]),
     ("replica_groups=[2,2]<=[4]", [[0, 1], [2, 3]]),
     ("replica_groups=[2,2]<=[2,2]T(1,0)", [[0, 2], [1, 3]]),
     ("replica_groups=mesh['axis_0'=2,'axis_1'=2] {'axis_0'}", [[0, 2], [1, 3]]),
     ("replica_groups=mesh['a'=2,'b'=2]<=[2,2]T(1,0) {'a'}", [[0, 1], [2, 3]]),
     ("source_target_pairs={{0,1},{1,0},{2,3},{3,2}}", [[0, 1], [2, 3]]),
     ("channel_id=1", [[0, 1, 2, 3]])],
)  # fmt: skip
def test_replica_groups(attributes, groups):
    """All notations, and the connected devices of a permute."""
    found = hlo.replica_groups(f"%p), {attributes}, to_apply=%add", 4)
    assert sorted(map(sorted, found)) == groups


def test_product_of_a_convolution():
    """Of a kernel all but its output channels are summed, wherever they stand."""
    shapes = {"x": "bf16[2,9,9,3]{3,2,1,0}", "k": "bf16[5,5,3,8]{3,2,1,0}"}
    made = hlo.parse(
        "ENTRY %main () -> f32[] {\n  %y = bf16[2,5,5,8]{3,2,1,0} convolution(%x, %k), "
        "window={size=5x5}, dim_labels=b01f_01io->b01f\n}"
    ).computations["main"][0]
    assert hlo.product(made, shapes) == (2 * (2 * 5 * 5 * 8) * (5 * 5 * 3), 3, 2)


# A convolution of 3 x 3 and 8 to 16 channels on 2 images, as cuDNN's calls have it: each direction
# has the arithmetic of the forward pass, and its labels.
CONVOLUTIONS = {
    "Forward": ("bf16[2,5,5,16]", "bf16[2,7,7,8]", "bf16[16,3,3,8]"),
    "BackwardFilter": ("bf16[16,3,3,8]", "bf16[2,7,7,8]", "bf16[2,5,5,16]"),
    "BackwardInput": ("bf16[2,7,7,8]", "bf16[2,5,5,16]", "bf16[16,3,3,8]"),
}


@pytest.mark.parametrize("direction", CONVOLUTIONS)
def test_product_of_cudnn(direction):
    """The arithmetic and the fewest channels of each direction."""
    result, x, y = CONVOLUTIONS[direction]
    call = hlo.Instruction(
        "c", f"({result}{{3,2,1,0}}, u8[0]{{0}})", "custom-call",
        f'%x, %y), window={{size=3x3}}, dim_labels=b01f_o01i->b01f, '
        f'custom_call_target="__cudnn$conv{direction}"',
    )  # fmt: skip
    assert hlo.product(call, {"x": x, "y": y}) == (2 * (2 * 5 * 5 * 16) * (3 * 3 * 8), 8, 2)


def test_product_of_cublas():
    """Its contracted dimensions are in the call's configuration."""
    call = hlo.Instruction(
        "g", "(f32[4,6]{1,0}, s8[64]{0})", "custom-call",
        '%x, %y), custom_call_target="__cublas$gemm", backend_config={"gemm_backend_config":'
        '{"dot_dimension_numbers":{"lhs_contracting_dimensions":["1"]}}}',
    )  # fmt: skip
    assert hlo.product(call, {"x": "bf16[4,5]", "y": "bf16[5,6]"}) == (2 * 4 * 6 * 5, 5, 2)
    other = call._replace(rest='%x), custom_call_target="topk"')
    assert hlo.product(other, {"x": "bf16[4,5]"}) == (0, 0, 0)


def test_computations_of_fusions():
    """Those that run inside an instruction; a loop's body and a branch do not."""
    assert hlo.parse(PROGRAM).fused() == {"fused"}

"""Tests `tpu_schedule` on instructions of a v5e's program with small arrays."""

import pytest

from inception_jax.plan import hlo, tpu_schedule

PROGRAM = """\
HloModule jit_step, is_scheduled=true

%fused_computation.1 (param_0: bf16[4,8], param_1: bf16[8,2]) -> bf16[4,2] {
  %param_0 = bf16[4,8]{1,0:T(8,128)(2,1)} parameter(0)
  %param_1 = bf16[8,2]{1,0:T(8,128)(2,1)} parameter(1)
  ROOT %convolution.1 = bf16[4,2]{1,0} convolution(%param_0, %param_1), dim_labels=bf_io->bf
}

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b)
}

%fused_computation.2 (param_0.1: bf16[4,2]) -> (f32[2]) {
  %param_0.1 = bf16[4,2]{1,0} parameter(0)
  %wide = f32[4,2]{1,0} convert(%param_0.1)
  %zero = f32[] constant(0)
  ROOT %reduce.1 = f32[2]{0} reduce(%wide, %zero), dimensions={0}, to_apply=%add
}

%body (state: (bf16[4,2], s32[])) -> (bf16[4,2], s32[]) {
  %state = (bf16[4,2]{1,0}, s32[]) parameter(0)
  %x = bf16[4,2]{1,0} get-tuple-element(%state), index=0
  %i = s32[] get-tuple-element(%state), index=1
  %doubled = bf16[4,2]{1,0} add(%x, %x), backend_config={"estimated_cycles":"10"}
  ROOT %next = (bf16[4,2]{1,0}, s32[]) tuple(%doubled, %i)
}

ENTRY %main (image: bf16[4,8], kernel: bf16[8,2]) -> f32[2] {
  %image = bf16[4,8]{1,0:T(8,128)(2,1)} parameter(0)
  %kernel = bf16[8,2]{1,0:T(8,128)(2,1)} parameter(1)
  %copy-start.1 = (bf16[8,2]{1,0:T(8,128)(2,1)S(1)}, bf16[8,2]{1,0:T(8,128)(2,1)}, u32[]{:S(2)}) copy-start(%kernel)
  %copy-done.1 = bf16[8,2]{1,0:T(8,128)(2,1)S(1)} copy-done(%copy-start.1)
  %fusion.1 = bf16[4,2]{1,0:T(8,128)(2,1)} fusion(%image, %copy-done.1), kind=kOutput, calls=%fused_computation.1, metadata={op_name="jit(step)/jvp(InceptionV3)/conv_1a/conv_general_dilated"}, backend_config={"estimated_cycles":"70"}
  %tuple.1 = (bf16[4,2]{1,0}, s32[]) tuple(%fusion.1, %index)
  %loop = (bf16[4,2]{1,0}, s32[]) while(%tuple.1), condition=%unknown, body=%body, backend_config={"known_trip_count":{"n":"2"}}
  %out = bf16[4,2]{1,0} get-tuple-element(%loop), index=0
  ROOT %fusion.2 = f32[2]{0:T(128)S(1)} fusion(%out), kind=kLoop, calls=%fused_computation.2, metadata={op_name="jit(step)/mul"}, backend_config={"estimated_cycles":"10"}
}
"""  # noqa: E501


COST = {"flops": 10.0, "bytes accessed": 100.0, "optimal_seconds": 0.001}


def read(text, rows=("conv_1a",), **cost):
    """The schedule of a program at 1 MHz."""
    return tpu_schedule.read(hlo.parse(text), rows, {**COST, **cost}, 1e6)


def test_memory_traffic():
    """Arrays in VMEM and fused instructions do not count; copies into VMEM do; loops per trip."""
    result = read(PROGRAM, {"conv_1a", "mixed_5b"})
    copied = 8 * 2 * 2
    convolved = (4 * 8 + 4 * 2) * 2  # the kernel is in VMEM
    doubled = 2 * 3 * (4 * 2 * 2)
    summed = 4 * 2 * 2  # into VMEM
    assert result.memory_bytes == copied + convolved + doubled + summed
    accessed = 100 + 112 + 48 + 24  # of the four instructions, in any memory, once each
    assert result.accessed_bytes == int(100 * (accessed + 48) / accessed)
    assert result.sequence_s == pytest.approx(1e-6 * (70 + 2 * 10 + 10))
    assert result.span_s == (result.optimal_s, result.sequence_s)
    assert result.rows == {"conv_1a": 0.7, "rest": 0.3}
    assert result.kinds == {"convolutions": 0.7, "elementwise": 0.2, "sums": 0.1}


def test_missing_estimates():
    """The v5p's compiler writes 2**63 - 1 for none: these are counted and take no time."""
    text = PROGRAM.replace('"estimated_cycles":"70"', f'"estimated_cycles":"{2**63 - 1}"')
    result = read(text)
    assert (result.sequence_s, result.unscheduled) == (pytest.approx(30e-6), 1)
    assert read(PROGRAM).unscheduled == 0


@pytest.mark.parametrize(
    ("given", "want"),
    [(0.05, (0.05, 0)), (-124.93385, (0.06615, 125)), (-0.999, (0.001, 1)), (0.0, (0.0, 0))],
)
def test_unpriced_instructions(given, want):
    """Each adds -1 to the compiler's seconds, which is corrected."""
    seconds, count = tpu_schedule.optimum(given)
    assert (pytest.approx(seconds, abs=1e-9), count) == (want[0], want[1])


MICROBATCHES = PROGRAM.replace(
    "%doubled = bf16[4,2]{1,0} add(%x, %x)",
    "%square = bf16[2,2]{1,0} constant({{1,0},{0,1}})\n"
    "  %doubled = bf16[4,2]{1,0} dot(%x, %square), lhs_contracting_dims={1}, "
    'rhs_contracting_dims={0}, metadata={op_name="jit(step)/checkpoint/rematted_computation/dot"}',
)


def test_a_loop_counts_each_trip():
    """The compiler's sums have a body once: the share to multiply by, and what is recomputed."""
    result = read(MICROBATCHES)
    convolved, product = 2 * 4 * 2 * 8, 2 * 4 * 2 * 2
    assert result.flops == 10 * (convolved + 2 * product) / (convolved + product)
    assert result.recomputed == 2 * product / (convolved + 2 * product)
    assert result.optimal_s == pytest.approx(0.001 * (70 + 2 * 10 + 10) / (70 + 10 + 10))
    assert read(PROGRAM).recomputed == 0

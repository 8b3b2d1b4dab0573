"""Tests `schedule` on instructions of a v5e's program with small arrays."""

from inception_jax.plan import hlo, schedule

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


def test_memory_traffic():
    """Arrays in VMEM and fused instructions do not count; copies into VMEM do; loops per trip."""
    result = schedule.read(hlo.parse(PROGRAM), {"conv_1a", "mixed_5b"})
    copied = 8 * 2 * 2
    convolved = (4 * 8 + 4 * 2) * 2  # the kernel is in VMEM
    doubled = 2 * 3 * (4 * 2 * 2)
    summed = 4 * 2 * 2  # into VMEM
    assert result.memory_bytes == copied + convolved + doubled + summed
    accessed = 100 + 112 + 48 + 24  # of the four instructions, in any memory, once each
    assert result.repeats["bytes"] == (accessed + 48) / accessed
    assert result.cycles == 70 + 2 * 10 + 10
    assert result.rows == {"conv_1a": 0.7, "rest": 0.3}
    assert result.kinds == {"convolutions": 0.7, "elementwise": 0.2, "sums": 0.1}


def test_missing_estimates():
    """The v5p's compiler writes 2**63 - 1 for none: these are counted and take no time."""
    text = PROGRAM.replace('"estimated_cycles":"70"', f'"estimated_cycles":"{2**63 - 1}"')
    result = schedule.read(hlo.parse(text), {"conv_1a"})
    assert (result.cycles, result.unpriced) == (2 * 10 + 10, 1)
    assert schedule.read(hlo.parse(PROGRAM), {"conv_1a"}).unpriced == 0


MICROBATCHES = PROGRAM.replace(
    "%doubled = bf16[4,2]{1,0} add(%x, %x)",
    "%square = bf16[2,2]{1,0} constant({{1,0},{0,1}})\n"
    "  %doubled = bf16[4,2]{1,0} dot(%x, %square), lhs_contracting_dims={1}, "
    'rhs_contracting_dims={0}, metadata={op_name="jit(step)/checkpoint/rematted_computation/dot"}',
)


def test_a_loop_counts_each_trip():
    """The compiler's sums have a body once: the share to multiply by, and what is recomputed."""
    result = schedule.read(hlo.parse(MICROBATCHES), {"conv_1a"})
    convolved, product = 2 * 4 * 2 * 8, 2 * 4 * 2 * 2
    assert result.repeats["flops"] == (convolved + 2 * product) / (convolved + product)
    assert result.recomputed == 2 * product / (convolved + 2 * product)
    assert result.repeats["cycles"] == (70 + 2 * 10 + 10) / (70 + 10 + 10)
    assert schedule.read(hlo.parse(PROGRAM), {"conv_1a"}).recomputed == 0


def test_flops_of_a_convolution():
    """Of a kernel all but its output channels are summed, wherever they stand."""
    shapes = {"x": "bf16[2,9,9,3]{3,2,1,0}", "k": "bf16[5,5,3,8]{3,2,1,0}"}
    made = hlo.parse(
        "ENTRY %main () -> f32[] {\n  %y = bf16[2,5,5,8]{3,2,1,0} convolution(%x, %k), "
        "window={size=5x5}, dim_labels=b01f_01io->b01f\n}"
    ).computations["main"][0]
    assert hlo.flops(made, shapes) == 2 * (2 * 5 * 5 * 8) * (5 * 5 * 3)

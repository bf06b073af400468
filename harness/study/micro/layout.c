#include "study/micro/layout.h"

#define ROWS(table) table, sizeof(table) / sizeof *(table)

enum { PRE, SILU }; /* outputs of the convolution */
enum { DELTA, Y, GATED, STATE };

static const VectorInfo conv1d_arrays[] = {
    {"x", "TC", false, X, TAKE_SETTING_IN, false},
    {"weight", "CK", true, WEIGHT, TAKE_SETTING_IN, false},
    {"bias", "C", true, BIAS, TAKE_SETTING_IN, false},
    {"y", "TC", false, PRE, GIVE_FLOAT, false},
    {"y_silu", "TC", false, SILU, GIVE_SETTING, false},
    {"y_silu_ieee", "TC", false, SILU, GIVE_SETTING, false},
};
static const VectorInfo scan_arrays[] = {
    {"u", "TC", false, SCAN_U, TAKE_SETTING_IN, false},
    {"dt", "TC", false, SCAN_DT, TAKE_SETTING_REST, false},
    {"A_log", "CN", true, SCAN_A_LOG, TAKE_SETTING_REST, false},
    {"B", "TN", false, SCAN_B, TAKE_SETTING_REST, false},
    {"C", "TN", false, SCAN_C, TAKE_SETTING_REST, false},
    {"D", "C", true, SCAN_D, TAKE_SETTING_REST, false},
    {"z", "TC", false, SCAN_Z, TAKE_SETTING_REST, false},
    {"dt_bias", "C", true, SCAN_BIAS, TAKE_SETTING_REST, false},
    {"delta", "TC", false, DELTA, GIVE_FLOAT, false},
    {"y", "TC", false, Y, GIVE_FLOAT, false},
    {"y_gated", "TC", false, GATED, GIVE_SETTING, false},
    {"y_gated_ieee", "TC", false, GATED, GIVE_SETTING, false},
    {"state", "CN", true, STATE, GIVE_FLOAT, false},
    {"state_q8", "CN", true, STATE, GIVE_QUANTISED, false},
};
static const VectorInfo linear_arrays[] = {
    {"x", "TC", true, X, TAKE_SETTING_IN, false},
    {"weight", "OC", true, WEIGHT, TAKE_SETTING_IN, false},
    {"y", "TO", true, 0, GIVE_SETTING, false},
};
static const VectorInfo rmsnorm_arrays[] = {
    {"x", "TC", true, X, TAKE_FLOAT, false},
    {"gain", "C", true, GAIN, TAKE_FLOAT, true},
    {"eps", "", true, 0, TAKE_NUMBER, true},
    {"y", "TC", true, 0, GIVE_SETTING, false},
};
static const VectorInfo rowwise_arrays[] = {
    {"x", "TC", true, X, TAKE_SETTING_IN, false},
    {"y", "TC", true, 0, GIVE_SETTING, false},
};

const VectorLayout vector_layout[MICRO_OPS] = {
    [MICRO_CONV1D] = {ROWS(conv1d_arrays), VECTOR_F32 | VECTOR_I8, VECTOR_F32 | VECTOR_I8, false},
    [MICRO_SCAN] = {ROWS(scan_arrays), VECTOR_F32 | VECTOR_I8, VECTOR_F32 | VECTOR_F16, false},
    [MICRO_LINEAR] = {ROWS(linear_arrays), VECTOR_F32 | VECTOR_I8,
                      VECTOR_F32 | VECTOR_F16 | VECTOR_I8, true},
    [MICRO_RMSNORM] = {ROWS(rmsnorm_arrays), VECTOR_F32, VECTOR_F32 | VECTOR_I8, true},
    [MICRO_HADAMARD] = {ROWS(rowwise_arrays), VECTOR_F32 | VECTOR_F16, VECTOR_F32 | VECTOR_I8,
                        true},
    [MICRO_EXP] = {ROWS(rowwise_arrays), VECTOR_F32, VECTOR_F32, true},
    [MICRO_SILU] = {ROWS(rowwise_arrays), VECTOR_F32, VECTOR_F32, true},
    [MICRO_SOFTPLUS] = {ROWS(rowwise_arrays), VECTOR_F32, VECTOR_F32, true},
};

const char *vector_axis_name(char letter) {
  switch (letter) {
    case 'T': return "token";
    case 'C': return "channel";
    case 'N': return "state";
    case 'K': return "tap";
    case 'O': return "output";
    default: return "batch";
  }
}

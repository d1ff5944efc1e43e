// The quantile function of a Gaussian's magnitude, piece by piece: for t = 1,
// 3, .. 65535 the mean of those magnitudes that are exceeded with a probability
// between (t - 1) / 2^16 and (t + 1) / 2^16 is, within 4e-4,
//   (square * t + slope) * t + constant.
// A piece is half an octave of t: bits 22 to 26 of t as a float, so piece 30
// is t = 1 and piece 31 stays empty. Fitted by least squares with weights of
// Chebyshev's points; a test compares every t with the exact mean. Internal to
// hw/kernels.
#pragma once

namespace ohm::hw {

inline constexpr int kNormalPieceShift = 22;

alignas(64) inline constexpr float kNormalConstant[32] = {
    0.0F,        4.08043051F, 3.95727754F, 3.87536001F, 4.03852463F,
    3.95758128F, 3.99532843F, 3.9133687F,  3.82890391F, 3.74366188F,
    3.65704226F, 3.5675633F,  3.47666168F, 3.38302279F, 3.28766108F,
    3.18941855F, 3.08896065F, 2.98549247F, 2.87921357F, 2.76967669F,
    2.65667343F, 2.53997111F, 2.41906357F, 2.29379821F, 2.16342306F,
    2.02771521F, 1.88543236F, 1.73534501F, 1.57128394F, 1.36971843F,
    4.38751125F, 0.0F,
};
alignas(64) inline constexpr float kNormalSlope[32] = {
    0.0F,
    0.0F,
    0.0F,
    0.0F,
    -0.0250127036F,
    -0.0181735661F,
    -0.0253779087F,
    -0.0184041709F,
    -0.0132575827F,
    -0.00962758996F,
    -0.00696942722F,
    -0.00506350724F,
    -0.00366993947F,
    -0.00267243921F,
    -0.00194181618F,
    -0.00141850195F,
    -0.00103397423F,
    -0.000758406939F,
    -0.000555145438F,
    -0.000409294473F,
    -0.000301283639F,
    -0.000223597133F,
    -0.000165830264F,
    -0.000124142069F,
    -9.30027236e-05F,
    -7.04244376e-05F,
    -5.34369537e-05F,
    -4.09578679e-05F,
    -3.11818221e-05F,
    -2.28593181e-05F,
    0.0F,
    0.0F,
};
alignas(64) inline constexpr float kNormalSquare[32] = {
    0.0F,
    0.0F,
    0.0F,
    0.0F,
    0.0F,
    0.0F,
    0.000307985116F,
    0.000158999348F,
    8.02441791e-05F,
    4.14562601e-05F,
    2.10162416e-05F,
    1.08566119e-05F,
    5.50882896e-06F,
    2.85019837e-06F,
    1.44892124e-06F,
    7.51350683e-07F,
    3.82779007e-07F,
    1.99057823e-07F,
    1.01677863e-07F,
    5.30476036e-08F,
    2.71794924e-08F,
    1.42270578e-08F,
    7.31048422e-09F,
    3.83525389e-09F,
    1.97127337e-09F,
    1.03027575e-09F,
    5.2196053e-10F,
    2.62035643e-10F,
    1.16037471e-10F,
    2.9934083e-11F,
    0.0F,
    0.0F,
};

}  // namespace ohm::hw

# The plain meta-analysis of `atc pool` in bayesmeta (Roever 2020, doi 10.18637/jss.v093.i06): the
# log odds ratios of Crins et al. 2014 under a half-normal(0.5) prior for tau and a flat one for mu.
# tests/reference/nnhm_crins2014.json holds what bayesmeta 3.4 under R 4.2.2 gave (hn05_flat);
# tests/test_synthesis_pool.py holds `atc pool` against it.
library(bayesmeta)
y <- c(-2.3097025608, -0.45953232938, -2.302585093, -1.7578579176, -1.2584609896, -2.4178959395)
sigma <- c(0.59947629965, 0.55639556378, 0.88034084308, 0.45586850292, 0.64199617671, 1.5288107462)
bayesmeta(y, sigma, tau.prior = function(t) dhalfnormal(t, scale = 0.5))

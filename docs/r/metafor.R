# Median overall survival under lenvatinib, and under every treatment, pooled by metafor
# (Viechtbauer 2010, doi 10.18637/jss.v036.i03). In a folder with the estimates of the registry:
#   atc studies export --format csv -o estimates.csv
#   Rscript metafor.R > metafor.out
# metafor.out is what R 4.2.2 with metafor 3.8-1 gave, with the rows of lenvatinib as they were.
suppressPackageStartupMessages(library(metafor))
options(width = 100)
d <- read.csv("estimates.csv", colClasses = c(histology = "character"))
os <- subset(d, measure == "log_median" & endpoint == "os" & counted & histology == "")
len <- subset(os, treatment == "lenvatinib")
columns <- c("label", "n", "estimate", "standard_error", "error_from")
print(len[columns], digits = 10, row.names = FALSE)
pooled <- rma(estimate, sei = standard_error, data = len, slab = label, method = "REML")
print(pooled, digits = 6)
print(predict(pooled, transf = exp, digits = 4))
all <- rma(estimate, sei = standard_error, mods = ~ 0 + treatment, data = os, method = "REML")
months <- data.frame(exp(cbind(median = coef(all), lower = all$ci.lb, upper = all$ci.ub)))
rownames(months) <- sub("^treatment", "", rownames(months))
print(round(months, 2))

# Computes the main numbers of this reader study again, with base R, glmmTMB, lmerTest and pROC, and compares them with
# results.json.
#
#   Rscript replicate.R            in the folder that holds this file; ends with status 1 if a number differs
#
# Needs the packages jsonlite, glmmTMB and lmerTest (which brings lme4); pROC for graded answers only.
#   install.packages(c("jsonlite", "glmmTMB", "lmerTest", "pROC"))

suppressPackageStartupMessages({
  library(jsonlite)
  library(glmmTMB)
  library(lmerTest)
})

# ---- Data ----------------------------------------------------------------------------------------------------------
study <- fromJSON("study.json")
results <- fromJSON("results.json", simplifyVector = FALSE)
answers <- read.csv("answers.csv", stringsAsFactors = FALSE, na.strings = "", colClasses = c(
  reader = "character", image = "character", truth = "character", answer = "character", group = "character"))
# An apostrophe keeps spreadsheets from running a name such as =SUM(1) as a formula; here it is in the way.
for (column in c("reader", "image", "group")) answers[[column]] <- sub("^'(?=[-=+@])", "", answers[[column]], perl = TRUE)
classes <- study$classes                                   # c("real", "synthetic"), of pairs c("left", "right")
answers$group <- factor(answers$group, levels = study$groups)
first <- answers[answers$repeated == 0, ]                  # of two answers of a reader to an image the one given first
given <- first[!is.na(first$answer), ]                     # in time
z <- qnorm(0.5 + study$confidence / 2)
parts <- list(all = given)
if (!study$is_pairs) for (class in classes) parts[[class]] <- given[given$truth == class, ]

# ---- Comparing -----------------------------------------------------------------------------------------------------
checked <- data.frame(name = character(0), ours = numeric(0), r = numeric(0), difference = numeric(0),
                      tolerance = numeric(0), same = logical(0))
compare <- function(name, ours, r, tolerance, relative = FALSE) {
  # A number that one of the two does not have is listed, not counted as a difference.
  ours <- if (is.null(ours)) NA_real_ else as.numeric(ours)
  r <- if (is.null(r) || length(r) == 0) NA_real_ else as.numeric(r)
  difference <- abs(ours - r)
  if (relative) difference <- difference / max(abs(r), 1e-300)
  same <- if (is.na(difference)) NA else difference <= tolerance
  checked[nrow(checked) + 1, ] <<- list(name, ours, r, difference, tolerance, same)
}
quiet <- function(expression) suppressWarnings(suppressMessages(expression))

# ---- Table 1: shares of right answers with exact intervals -----------------------------------------------------------
shares <- function(name, ours, data) {
  k <- sum(data$correct)
  n <- nrow(data)
  compare(paste0(name, ".k"), ours$k, k, 0)
  compare(paste0(name, ".n"), ours$n, n, 0)
  if (n > 0) {
    limits <- binom.test(k, n, conf.level = study$confidence)$conf.int
    compare(paste0(name, ".low"), ours$low, limits[1], 1e-9)
    compare(paste0(name, ".high"), ours$high, limits[2], 1e-9)
  }
}
for (reader in names(results$readers)) {
  own <- given[given$reader == reader, ]
  ours <- results$readers[[reader]]
  shares(paste0("readers.", reader, ".accuracy"), ours$accuracy, own)
  if (!study$is_pairs) for (class in classes)
    shares(paste0("readers.", reader, ".", class), ours[[class]], own[own$truth == class, ])
}

# ---- Table 2: Fleiss' kappa of the images that every reader answered -------------------------------------------------
fleiss <- function(data, readers) {
  counts <- unclass(table(data$image, factor(data$answer, levels = classes)))
  m <- length(readers)
  counts <- counts[rowSums(counts) == m, , drop = FALSE]
  n <- nrow(counts)
  kappa_of <- function(x) {
    agreement <- (rowSums(x^2) - m) / (m * (m - 1))
    share <- colSums(x) / (nrow(x) * m)
    (mean(agreement) - sum(share^2)) / (1 - sum(share^2))
  }
  agreement <- (rowSums(counts^2) - m) / (m * (m - 1))
  share <- colSums(counts) / (n * m)
  chance <- sum(share^2)
  kappa <- (mean(agreement) - chance) / (1 - chance)
  spread <- share * (1 - share)
  se_null <- sqrt(2 * (sum(spread)^2 - sum(spread * (1 - 2 * share))) / (sum(spread)^2 * n * m * (m - 1)))
  own <- (agreement - chance) / (1 - chance)
  own <- own - 2 * (1 - kappa) * (as.vector(counts %*% share) / m - chance) / (1 - chance)
  without <- vapply(seq_len(n), function(i) kappa_of(counts[-i, , drop = FALSE]), numeric(1))
  list(kappa = kappa, se_null = se_null, se_gwet = sqrt(sum((own - kappa)^2) / (n * (n - 1))),
       se_jackknife = sqrt((n - 1) / n * sum((without - mean(without))^2)))
}
for (part in names(parts)) {
  name <- if (part == "all") "fleiss" else paste0("fleiss_", part)
  ours <- results[[name]]
  if (is.null(ours$kappa)) next
  r <- fleiss(parts[[part]], study$readers)
  for (number in names(r)) compare(paste0(name, ".", number), ours[[number]], r[[number]], 1e-9)
  compare(paste0(name, ".ci_null.low"), ours$ci_null[[1]], r$kappa - z * r$se_null, 1e-9)
  compare(paste0(name, ".ci_null.high"), ours$ci_null[[2]], r$kappa + z * r$se_null, 1e-9)
  compare(paste0(name, ".ci_gwet.low"), ours$ci_gwet[[1]], r$kappa - z * r$se_gwet, 1e-9)
  compare(paste0(name, ".ci_gwet.high"), ours$ci_gwet[[2]], r$kappa + z * r$se_gwet, 1e-9)
}

# ---- Names of coefficients: R's "groupmore" is "experiencemore" in results.json ---------------------------------------
ours_of <- function(list, term) list[[sub("^group", study$group_name, term)]]

# ---- Table 3: mixed-effect logistic regression -----------------------------------------------------------------------
# glmmTMB maximises the same Laplace likelihood as lme4's glmer, with automatic derivatives; glmer's default settings
# stop earlier (up to 0.006 in a coefficient).
for (part in names(parts)) {
  ours <- results$logistic[[part]]
  if (is.null(ours) || !isTRUE(ours$estimable)) {
    cat("logistic", part, ": not estimable.", if (is.null(ours$reason)) "" else ours$reason, "\n")
    next
  }
  data <- droplevels(parts[[part]])
  formula <- if (length(study$groups) > 1) correct ~ group + (1 | image) + (1 | reader) else
    correct ~ 1 + (1 | image) + (1 | reader)
  fit <- quiet(glmmTMB(formula, data = data, family = binomial, control = glmmTMBControl(
    optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-13, x.tol = 1e-12))))
  coefficients <- fixef(fit)$cond
  errors <- quiet(sqrt(diag(as.matrix(vcov(fit)$cond))))
  names(errors) <- names(coefficients)
  sds <- vapply(VarCorr(fit)$cond, function(x) attr(x, "stddev")[[1]], numeric(1))
  name <- paste0("logistic.", part)
  for (term in names(coefficients)) {
    b <- coefficients[[term]]
    se <- errors[[term]]
    compare(paste0(name, ".coef.", term), ours_of(ours$coef, term), b, 1e-4)
    compare(paste0(name, ".se.", term), ours_of(ours$se, term), se, 1e-4)
    compare(paste0(name, ".p.", term), ours_of(ours$p, term), 2 * pnorm(-abs(b / se)), 1e-4)
  }
  compare(paste0(name, ".sd_image"), ours$sd_image, sds[["image"]], 1e-3)    # 0 is about 1e-4 on glmmTMB's log scale
  compare(paste0(name, ".sd_reader"), ours$sd_reader, sds[["reader"]], 1e-3)
  compare(paste0(name, ".loglik"), ours$loglik, -fit$fit$objective, 1e-5)
}

# ---- Table 4: linear mixed models of log(seconds + 1) ------------------------------------------------------------------
models <- list(crossed = log(seconds + 1) ~ correct + (1 | image) + (1 | reader),
               image_only = log(seconds + 1) ~ correct + (1 | image))
tight <- lmerControl(optimizer = "nloptwrap", optCtrl = list(
  xtol_abs = 1e-12, xtol_rel = 1e-12, ftol_abs = 1e-13, ftol_rel = 1e-15, maxeval = 1e5))
for (part in names(parts)) for (model in names(models)) {
  ours <- results$linear[[part]][[model]]
  timed <- droplevels(parts[[part]][!is.na(parts[[part]]$seconds), ])
  if (is.null(ours$coef$correct)) {
    cat("linear", part, model, ": not estimable.", if (is.null(ours$reason)) "" else ours$reason, "\n")
    next
  }
  fit <- quiet(lmerTest::lmer(models[[model]], data = timed, REML = TRUE, control = tight))
  table <- quiet(coef(summary(fit)))
  sds <- as.data.frame(VarCorr(fit))
  sds <- setNames(sds$sdcor, sds$grp)
  name <- paste0("linear.", part, ".", model)
  for (term in rownames(table)) {
    compare(paste0(name, ".coef.", term), ours$coef[[term]], table[term, "Estimate"], 1e-5)
    compare(paste0(name, ".se.", term), ours$se[[term]], table[term, "Std. Error"], 1e-5)
    compare(paste0(name, ".df.", term), ours$df[[term]], table[term, "df"], 1e-3, relative = TRUE)
    compare(paste0(name, ".p.", term), ours$p[[term]], table[term, "Pr(>|t|)"], 1e-5)
  }
  compare(paste0(name, ".sd_image"), ours$sd_image, sds[["image"]], 1e-4)
  if (model == "crossed") compare(paste0(name, ".sd_reader"), ours$sd_reader, sds[["reader"]], 1e-4)
  compare(paste0(name, ".sd_residual"), ours$sd_residual, sds[["Residual"]], 1e-5)
  compare(paste0(name, ".reml_criterion"), ours$reml_criterion, REMLcrit(fit), 1e-5)
}

# ---- Graded answers: area under each reader's curve, DeLong's variance --------------------------------------------------
if (isTRUE(study$is_graded) && requireNamespace("pROC", quietly = TRUE)) for (ours in results$graded$readers) {
  own <- first[first$reader == ours$name & !is.na(first$rating), ]
  if (is.null(ours$area$auc) || length(unique(own$truth)) < 2) next
  curve <- pROC::roc(own$truth, own$rating, levels = classes, direction = "<", quiet = TRUE)
  name <- paste0("graded.readers.", ours$name)
  compare(paste0(name, ".auc"), ours$area$auc, pROC::auc(curve), 1e-9)
  if (!is.null(ours$area$se)) compare(paste0(name, ".se"), ours$area$se, sqrt(quiet(pROC::var(curve))), 1e-9)
}

# ---- What came out -------------------------------------------------------------------------------------------------------
write.csv(checked, "compared.csv", row.names = FALSE)
different <- checked[!is.na(checked$same) & !checked$same, ]
cat(sum(!is.na(checked$same)), "numbers compared,", nrow(different), "different,", sum(is.na(checked$same)),
    "that only one of the two gives; all of them are in compared.csv\n")
if (nrow(different) > 0) {
  print(different, row.names = FALSE)
  quit(status = 1)
}

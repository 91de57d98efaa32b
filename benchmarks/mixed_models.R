# Times R's mixed models for `mixed_models_r.py`: Rscript mixed_models.R PLAN.csv
# The plan has the columns study, file, kind (logistic | linear), method (lme4 | glmmTMB | lmerTest) and turns. Each of
# its rows becomes a line of JSON on standard output. Reading the table and making factors is not timed; a fit is timed
# with its standard errors (and, for lmerTest, the degrees of freedom), because that is what one fits it for.

suppressPackageStartupMessages({
  library(lme4)
  library(lmerTest)
})
has_glmmtmb <- suppressPackageStartupMessages(require(glmmTMB, quietly = TRUE))

read_study <- function(file) {
  d <- read.csv(file, stringsAsFactors = FALSE)
  for (name in c("image", "reader")) d[[name]] <- factor(d[[name]])
  d$experience <- factor(d$experience, levels = c("less", "more"))
  d
}

# Each gives estimate, standard error and log likelihood (or REML criterion) of the coefficient of interest.
methods <- list(
  lme4 = function(d) {
    fit <- glmer(correct ~ experience + (1 | image) + (1 | reader), data = d, family = binomial)
    c(coef(summary(fit))["experiencemore", c("Estimate", "Std. Error")], as.numeric(logLik(fit)))
  },
  glmmTMB = function(d) {
    fit <- glmmTMB(correct ~ experience + (1 | image) + (1 | reader), data = d, family = binomial)
    c(summary(fit)$coefficients$cond["experiencemore", c("Estimate", "Std. Error")], as.numeric(logLik(fit)))
  },
  lmerTest = function(d) {
    fit <- lmerTest::lmer(log_seconds ~ correct + (1 | image) + (1 | reader), data = d)
    c(coef(summary(fit))["correct", c("Estimate", "Std. Error")], REMLcrit(fit))
  }
)

quietly <- function(expression) suppressMessages(suppressWarnings(expression))

elapsed <- function(fit) {
  gc(FALSE) # what earlier fits left is not this one's time
  start <- Sys.time()
  numbers <- quietly(fit())
  list(seconds = as.numeric(difftime(Sys.time(), start, units = "secs")), numbers = as.numeric(numbers))
}

plan <- read.csv(commandArgs(TRUE)[1], stringsAsFactors = FALSE)
versions <- c(R = paste(R.version$major, R.version$minor, sep = "."))
for (name in c("lme4", "lmerTest", if (has_glmmtmb) "glmmTMB", "Matrix")) {
  versions[name] <- as.character(packageVersion(name))
}
versions["BLAS"] <- basename(extSoftVersion()[["BLAS"]])
cat(sprintf('{"versions": "%s"}\n', paste(names(versions), versions, collapse = ", ")))
file <- ""
for (row in seq_len(nrow(plan))) {
  asked <- plan[row, ]
  if (asked$method == "glmmTMB" && !has_glmmtmb) next
  if (asked$file != file) d <- read_study(file <- asked$file)
  fit <- function() methods[[asked$method]](d)
  # R compiles a function when it is called for the third time; studies whose fit takes long are warmed by the others
  if (asked$turns > 1) for (turn in 1:2) quietly(fit())
  done <- lapply(seq_len(asked$turns), function(turn) elapsed(fit))
  cat(sprintf(
    '{"study": "%s", "kind": "%s", "method": "%s", "seconds": [%s], "numbers": [%s]}\n',
    asked$study, asked$kind, asked$method,
    paste(sprintf("%.6f", sapply(done, `[[`, "seconds")), collapse = ", "),
    paste(sprintf("%.10g", done[[1]]$numbers), collapse = ", ")
  ))
}

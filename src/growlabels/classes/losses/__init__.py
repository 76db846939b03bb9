"""Further losses: soft targets, sampled classes, distillation, dot regression."""

"""Pure PyTorch: backbones, exact feature cache, heads, sweep over the synthetic share, measures, Grad-CAM."""

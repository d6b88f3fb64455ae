"""The layers a call passes, one file each; a wrapped provider is again a provider."""

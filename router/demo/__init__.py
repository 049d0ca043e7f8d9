"""The demonstration: Logweir on the embedded log, made-up telemetry into its real listeners, stand-ins for the products."""

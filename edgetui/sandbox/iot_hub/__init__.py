"""IoT Hub: identities, twins, queries, and content that is applied to devices."""

"""IoT Hub and the module on the device: who is there, what runs, what it answers."""

"""What turns a build request into an image, really: Azure ML's packages and ACR Tasks share it."""

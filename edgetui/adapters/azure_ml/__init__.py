"""Azure ML through azureml-core, in the child process that hosts it: workspaces, models, images."""

"""What edgetui keeps on this machine: plans, results, logs, and the files of the person."""

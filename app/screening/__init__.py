"""What the machine makes of a submission: prediction, verdict, status."""

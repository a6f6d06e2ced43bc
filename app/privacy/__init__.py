"""What is kept of people and for how long: the privacy notice, and the daily job that deletes what is over."""

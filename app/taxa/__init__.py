"""The species list: names, identification marks, and the policy for each species."""

"""The edge: who may knock, how often, and what every answer says about itself."""

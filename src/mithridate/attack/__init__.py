"""What an attacker may do and gain: threat model, objective, victims, risks and attacks."""

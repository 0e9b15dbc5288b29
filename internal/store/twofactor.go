package store

import "github.com/cloister-dev/cloister"

// SecondFactor finds the second factor of a user, on or not.
func (tx *Tx) SecondFactor(userID string) (cloister.SecondFactor, error) {
	return one(tx, "two_factor", func(tx *Tx, r row) (f cloister.SecondFactor, err error) {
		secret := map[string]cloister.Secret{}
		err = r.Scan(&f.UserID, unsealed{tx, &secret}, &f.On, &f.Used, document{&f.Recovery}, &f.Failures, when{&f.FailedAt})
		f.Secret = secret["secret"]
		return f, err
	}, `SELECT user_id, secret, is_on, used, recovery, failures, failed_at FROM second_factors WHERE user_id = $1`, userID)
}

// PutSecondFactor makes or replaces the second factor of a user.
func (tx *Tx) PutSecondFactor(f cloister.SecondFactor) error {
	return tx.exec(`
		INSERT INTO second_factors (user_id, secret, is_on, used, recovery, failures, failed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (user_id) DO UPDATE SET secret = $2, is_on = $3, used = $4, recovery = $5, failures = $6, failed_at = $7`,
		f.UserID, tx.sealed(map[string]cloister.Secret{"secret": f.Secret}), f.On, f.Used, doc(f.Recovery), f.Failures, at(f.FailedAt))
}

// DeleteSecondFactor takes the second factor of a user away.
func (tx *Tx) DeleteSecondFactor(userID string) error {
	return tx.must("two_factor", `DELETE FROM second_factors WHERE user_id = $1`, userID)
}

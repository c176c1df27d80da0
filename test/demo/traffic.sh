#!/usr/bin/env bash
# traffic.sh ROUNDS: prints the SQL of a working day in the shop, some 20 changed rows a round: orders with their items
# in one transaction, payments, stock, customers who move or leave, orders that are cancelled.
set -euo pipefail
rounds=${1:-100}
echo 'USE shop;'
for ((i = 1; i <= rounds; i++)); do
	cat <<-SQL
		START TRANSACTION;
		INSERT INTO orders (customer_id, status, ordered_at, note) VALUES (1 + $i % 190, 'new', UTC_TIMESTAMP(3), 'round $i');
		SET @o = LAST_INSERT_ID();
		INSERT INTO order_items (order_id, product_id, quantity, price) SELECT @o, id, 1 + id % 3, price FROM products WHERE id BETWEEN 1 + $i % 95 AND 3 + $i % 95;
		UPDATE products SET stock = stock - 1 WHERE id BETWEEN 1 + $i % 95 AND 3 + $i % 95;
		COMMIT;
		UPDATE orders SET status = ELT(1 + $i % 2, 'paid', 'shipped') WHERE id = @o - 3 AND status <> 'shipped';
		UPDATE products SET price = price + 0.10 WHERE id = 1 + $i % 100;
		INSERT INTO customers (name, email) VALUES ('Newcomer $i', 'new$i@example.com');
		UPDATE customers SET email = CONCAT('moved', $i, '@example.com'), newsletter = 1 - newsletter WHERE id = 1 + $i % 150;
	SQL
	if ((i % 5 == 0)); then
		cat <<-SQL
			START TRANSACTION;
			DELETE FROM order_items WHERE order_id = $i;
			DELETE FROM orders WHERE id = $i;
			COMMIT;
			DELETE FROM customers WHERE name = 'Newcomer $((i - 2))';
		SQL
	fi
	# A changed primary key is a delete and an insert to everybody behind the binlog.
	if ((i % 20 == 0)); then echo "UPDATE customers SET id = id + 1000000 WHERE name = 'Newcomer $i';"; fi
	# Spread the work over some seconds: the connectors are at it at the same time.
	if ((i % 10 == 0)); then echo 'DO SLEEP(0.3);'; fi
done

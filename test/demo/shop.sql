-- The shop as it is before the connectors start: 200 customers, 100 products, 300 orders, 600 order items.
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
SET SESSION cte_max_recursion_depth = 10000;

CREATE TABLE customers (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  name       VARCHAR(100) NOT NULL,
  email      VARCHAR(200),
  newsletter TINYINT(1) NOT NULL DEFAULT 0,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE products (
  id    INT AUTO_INCREMENT PRIMARY KEY,
  name  VARCHAR(100) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  stock INT NOT NULL
);
-- No ON DELETE CASCADE: rows that InnoDB deletes by itself are not in the binlog, so no connector can see them go.
CREATE TABLE orders (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  customer_id BIGINT NOT NULL,
  status      ENUM('new', 'paid', 'shipped') NOT NULL DEFAULT 'new',
  ordered_at  DATETIME(3) NOT NULL,
  note        TEXT
);
CREATE TABLE order_items (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  order_id   BIGINT NOT NULL,
  product_id INT NOT NULL,
  quantity   INT NOT NULL,
  price      DECIMAL(10,2) NOT NULL,
  KEY (order_id)
);

INSERT INTO customers (name, email, newsletter, created_at)
WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n WHERE i < 200)
SELECT CONCAT(ELT(1 + i % 6, 'Zoë', 'Jürgen', 'Ana', 'Łukasz', '明', 'Olivia'), ' ', i), IF(i % 9 = 0, NULL, CONCAT('c', i, '@example.com')), i % 2,
  TIMESTAMPADD(MINUTE, i, '2026-01-01 00:00:00') FROM n;
INSERT INTO products (name, price, stock)
WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n WHERE i < 100)
SELECT CONCAT('Product "', i, '"'), 0.99 + i * 1.25, 1000 FROM n;
INSERT INTO orders (customer_id, status, ordered_at, note)
WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n WHERE i < 300)
SELECT 1 + i % 200, ELT(1 + i % 3, 'new', 'paid', 'shipped'), TIMESTAMPADD(MICROSECOND, i * 1000, '2026-02-01 12:00:00'), IF(i % 4 = 0, NULL, CONCAT('note ', i)) FROM n;
INSERT INTO order_items (order_id, product_id, quantity, price)
WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < 599)
SELECT 1 + i DIV 2, 1 + i % 100, 1 + i % 5, 0.99 + (1 + i % 100) * 1.25 FROM n;

#!/usr/bin/env php
<?php
// Print every contact of a list, one a line: the number, a tab, the first name.

declare(strict_types=1);

const USAGE = <<<'TEXT'
    usage: php.php ACCOUNT_URL LIST_SID [PAGE_SIZE]
    ACCOUNT_URL: https://<key>:<token>@<host>/v2/accounts/<account_sid>, or - to take it from DIALBOOK_URL
    TEXT;

function stop(int $status, string $message): never
{
    fwrite(STDERR, "$message\n");
    exit($status);
}

/** Part the account's URL into an address and a curl handle that sends its credentials. */
function openAccount(string $url): array
{
    if (!preg_match('~^(https?://)([^:@/]+):([^@/]+)@([^@/]+/.*?)/*$~', $url, $part)) {
        stop(2, USAGE);
    }
    $curl = curl_init();
    curl_setopt_array($curl, [
        CURLOPT_USERNAME => rawurldecode($part[2]),
        CURLOPT_PASSWORD => rawurldecode($part[3]),
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_CONNECTTIMEOUT => 10,
        CURLOPT_TIMEOUT => 60,
    ]);
    return [$part[1] . $part[4], $curl];
}

/** One page: its contacts, and how many the whole list has. */
function getPage(CurlHandle $curl, string $url): array
{
    curl_setopt($curl, CURLOPT_URL, $url);
    $text = curl_exec($curl);
    if ($text === false) {
        stop(1, 'php.php: ' . curl_error($curl));
    }
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    $body = json_decode($text, associative: true);
    if ($status < 200 || $status > 299) {
        $error = $body['response']['error_data'] ?? [];
        $words = array_filter(["HTTP $status", $error['message'] ?? null, $error['description'] ?? null]);
        stop(1, 'php.php: ' . implode(': ', $words));
    }
    if (!isset($body['response'], $body['metadata']['total'])) {
        stop(1, "php.php: HTTP $status, but not a page of contacts");
    }
    return [array_column($body['response'], 'data'), $body['metadata']['total']];
}

if ($argc < 3 || $argc > 4) {
    stop(2, USAGE);
}
[$base, $curl] = openAccount($argv[1] === '-' ? (string) getenv('DIALBOOK_URL') : $argv[1]);
$list = rawurlencode($argv[2]);
$offset = 0;
do {
    $query = http_build_query(['offset' => $offset, 'limit' => $argv[3] ?? 500]);
    [$contacts, $total] = getPage($curl, "$base/lists/$list/contacts?$query");
    foreach ($contacts as $contact) {
        echo $contact['number'], "\t", strtr($contact['first_name'] ?? '', "\t\r\n", '   '), "\n";
    }
    $offset += count($contacts);
} while ($contacts && $offset < $total);
fwrite(STDERR, "$offset contacts\n");

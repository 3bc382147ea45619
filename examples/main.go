// Print every contact of a list, one a line: the number, a tab, the first name.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const usage = `usage: main.go ACCOUNT_URL LIST_SID [PAGE_SIZE]
ACCOUNT_URL: https://<key>:<token>@<host>/v2/accounts/<account_sid>, or - to take it from DIALBOOK_URL`

type page struct {
	Metadata *struct{ Total int }
	Response []struct {
		Data struct {
			Number    string
			FirstName string `json:"first_name"`
		}
	}
}

// A refusal has an object where a page has its array.
type refusal struct {
	Response struct {
		Error struct{ Message, Description string } `json:"error_data"`
	}
}

var client = http.Client{
	Transport: &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	},
	Timeout:       60 * time.Second, // for the whole exchange
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func getPage(account *url.URL, list string, offset int, limit string) (found page, err error) {
	address := account.JoinPath("lists", url.PathEscape(list), "contacts")
	address.RawQuery = url.Values{"offset": {fmt.Sprint(offset)}, "limit": {limit}}.Encode()
	address.User = nil // so that no error message shows it
	request, err := http.NewRequest(http.MethodGet, address.String(), nil)
	if err != nil {
		return found, err
	}
	token, _ := account.User.Password()
	request.SetBasicAuth(account.User.Username(), token)
	reply, err := client.Do(request)
	if err != nil {
		return found, err
	}
	defer reply.Body.Close()
	body := json.NewDecoder(reply.Body)
	if reply.StatusCode < 200 || reply.StatusCode > 299 {
		var refused refusal
		body.Decode(&refused) // stays empty for a proxy's error page, say
		told := refused.Response.Error
		reason := fmt.Sprintf("HTTP %d: %s: %s", reply.StatusCode, told.Message, told.Description)
		return found, errors.New(strings.TrimRight(reason, ": "))
	}
	if err = body.Decode(&found); err == nil && found.Metadata == nil {
		err = errors.New("not a page of contacts")
	}
	if err != nil {
		err = fmt.Errorf("HTTP %d: %w", reply.StatusCode, err)
	}
	return found, err
}

func stop(status int, message ...any) {
	fmt.Fprintln(os.Stderr, message...)
	os.Exit(status)
}

func main() {
	if len(os.Args) < 3 || len(os.Args) > 4 {
		stop(2, usage)
	}
	given := append(os.Args[1:], "500") // the page size, unless there is one
	text, list, limit := given[0], given[1], given[2]
	if text == "-" {
		text = os.Getenv("DIALBOOK_URL")
	}
	account, err := url.Parse(text)
	if err != nil || account.Host == "" || account.User == nil {
		stop(2, usage)
	}
	oneLine := strings.NewReplacer("\t", " ", "\r", " ", "\n", " ")
	for offset := 0; ; {
		found, err := getPage(account, list, offset, limit)
		if err != nil {
			stop(1, "main.go:", err)
		}
		for _, item := range found.Response {
			fmt.Printf("%s\t%s\n", item.Data.Number, oneLine.Replace(item.Data.FirstName))
		}
		offset += len(found.Response)
		if len(found.Response) == 0 || offset >= found.Metadata.Total {
			fmt.Fprintln(os.Stderr, offset, "contacts")
			return
		}
	}
}

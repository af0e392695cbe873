// The AWS SDK for Go v2 as an application uses it: the default configuration, told everything by the environment.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"sluice.test/clients/orders"
)

func main() {
	settings, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	client := s3.NewFromConfig(settings)
	orders.Serve(func(order orders.Order) (orders.Outcome, error) {
		return run(context.Background(), client, order)
	}, refusalOf)
}

func refusalOf(err error) orders.Refusal {
	refusal := orders.Refusal{Code: "ClientFault"}
	var answered smithy.APIError
	if errors.As(err, &answered) {
		refusal.Code = answered.ErrorCode()
	}
	var response *http.ResponseError
	if errors.As(err, &response) {
		refusal.Status = response.HTTPStatusCode()
	}
	return refusal
}

func run(ctx context.Context, client *s3.Client, order orders.Order) (orders.Outcome, error) {
	bucket, key := aws.String(order.Bucket), aws.String(order.Key)
	switch order.Op {
	case "put":
		body := bytes.NewReader(order.Body.Bytes())
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: body})
		return orders.Outcome{}, err
	case "get":
		answer, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			return orders.Outcome{}, err
		}
		defer answer.Body.Close()
		data, err := io.ReadAll(answer.Body)
		return orders.Shown(data), err
	case "list":
		return list(ctx, client, order)
	case "delete":
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})
		return orders.Outcome{}, err
	case "upload":
		return orders.Outcome{}, upload(ctx, client, order)
	case "presignFor":
		return presign(ctx, s3.NewPresignClient(client), order)
	}
	return orders.Outcome{}, fmt.Errorf("this client has no %s", order.Op)
}

func list(ctx context.Context, client *s3.Client, order orders.Order) (orders.Outcome, error) {
	var keys []string
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{
		Bucket: aws.String(order.Bucket),
		Prefix: aws.String(order.Prefix),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return orders.Outcome{}, err
		}
		for _, object := range page.Contents {
			keys = append(keys, *object.Key)
		}
	}
	return orders.Outcome{Keys: keys}, nil
}

func upload(ctx context.Context, client *s3.Client, order orders.Order) error {
	bucket, key := aws.String(order.Bucket), aws.String(order.Key)
	begun, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	data := order.Body.Bytes()
	for at := 0; at < len(data); at += orders.PartBytes {
		number := aws.Int32(int32(len(parts) + 1))
		piece := bytes.NewReader(data[at:min(at+orders.PartBytes, len(data))])
		part, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: bucket, Key: key, UploadId: begun.UploadId, PartNumber: number, Body: piece,
		})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{
			ETag: part.ETag, PartNumber: number, ChecksumCRC32: part.ChecksumCRC32,
		})
	}
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: begun.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

func presign(ctx context.Context, client *s3.PresignClient, order orders.Order) (orders.Outcome, error) {
	bucket, key := aws.String(order.Bucket), aws.String(order.Key)
	switch order.Request {
	case "put":
		made, err := client.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key})
		return urlOf(made, err)
	case "get":
		made, err := client.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
		return urlOf(made, err)
	case "delete":
		made, err := client.PresignDeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})
		return urlOf(made, err)
	}
	return orders.Outcome{}, fmt.Errorf("this client presigns no %s", order.Request)
}

func urlOf(made *v4.PresignedHTTPRequest, err error) (orders.Outcome, error) {
	if err != nil {
		return orders.Outcome{}, err
	}
	return orders.Outcome{URL: made.URL}, nil
}
